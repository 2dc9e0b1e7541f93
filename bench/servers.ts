/** The servers of one run: private, with their CPU time measured. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'amqplib';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { startPrivateServers } from '../src/private-servers/private-servers.ts';
import { processTree } from '../src/private-servers/process-identity.ts';
import { sleep } from '../src/platform/backoff.ts';
import { treeCpuUs, type CpuRoots } from './cpu.ts';

export interface BenchServers {
  readonly rabbitmqUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  /** The processes whose CPU time is read for each server; a server in a container is missing. */
  readonly cpuRoots: CpuRoots;
  readonly versions: Readonly<Record<'rabbitmq' | 'redis' | 'postgres', string>>;
  /** Resolves when the servers are idle, or after waiting a few seconds for that. */
  rest(): Promise<void>;
  stop(): Promise<void>;
}

const PROGRAMS = { rabbitmq: 'beam.smp', redis: 'redis-server', postgres: 'postgres' } as const;
const REST_SLICE_MS = 200;
/** A server is idle below this share of one core. */
const REST_SHARE = 0.1;
const REST_TIMEOUT_MS = 6_000;

/** Starts all three. They end with this process, however it ends. */
export async function startBenchServers(tell: (line: string) => void): Promise<BenchServers> {
  const services = await startPrivateServers({
    directory: join('.pulse', `bench-${process.pid}`),
    keepFiles: false,
    onProgress: tell,
  });
  const rabbitmqUrl = new URL(services.env.RABBITMQ_URL);
  // A side is stopped by a signal while its backlog is filled; RabbitMQ must not close its connection.
  rabbitmqUrl.searchParams.set('heartbeat', '0');
  const cpuRoots = findServers();
  return {
    rabbitmqUrl: rabbitmqUrl.href,
    redisUrl: services.env.REDIS_URL,
    databaseUrl: services.env.DATABASE_URL,
    cpuRoots,
    versions: await readVersions(services.env),
    rest: () => waitForRest(cpuRoots),
    stop: () => services.stop(),
  };
}

function findServers(): CpuRoots {
  const roots: Record<string, number> = {};
  for (const pid of processTree(process.pid)) {
    const name = nameOf(pid);
    for (const [server, program] of Object.entries(PROGRAMS)) {
      // The tree is walked from the top, so the first process of a name is the parent of the others.
      if (name === program) roots[server] ??= pid;
    }
  }
  return roots;
}

async function readVersions(env: {
  RABBITMQ_URL: string;
  REDIS_URL: string;
  DATABASE_URL: string;
}): Promise<BenchServers['versions']> {
  const connection = await connect(env.RABBITMQ_URL);
  const { version } = connection.connection.serverProperties;
  await connection.close();
  const redis = new Redis(env.REDIS_URL);
  const redisVersion = /^redis_version:(\S+)/m.exec(await redis.info('server'))?.[1];
  redis.disconnect();
  const client = new Client({ connectionString: env.DATABASE_URL });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
  await client.end();
  return {
    rabbitmq: version,
    redis: redisVersion ?? 'unknown',
    postgres: rows[0]?.server_version ?? 'unknown',
  };
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

async function waitForRest({ rabbitmq, redis, postgres }: CpuRoots): Promise<void> {
  const deadlineMs = performance.now() + REST_TIMEOUT_MS;
  const pids = [rabbitmq, redis, postgres].filter((pid) => pid !== undefined);
  const read = (): number => pids.reduce((sum, pid) => sum + treeCpuUs(pid), 0);
  for (let before = read(); performance.now() < deadlineMs;) {
    await sleep(REST_SLICE_MS);
    const after = read();
    if (after - before < REST_SLICE_MS * 1000 * REST_SHARE) return;
    before = after;
  }
}
