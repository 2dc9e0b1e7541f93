/** One installation of Pulse that shares only the servers with others: a queue, a Redis database, a database. */
import { connect } from 'amqplib';
import { Client, type Pool } from 'pg';
import { createAccumulator, type Accumulator } from '../src/aggregate/accumulator.ts';
import { ensureLibrary } from '../src/aggregate/library.ts';
import { sleep } from '../src/platform/backoff.ts';
import { runMigrations } from '../src/platform/migrate.ts';
import { createPool } from '../src/platform/postgres.ts';
import { createRedis, waitForRedis, type RedisClient } from '../src/platform/redis.ts';
import { declareTopologyAt } from '../src/platform/topology.ts';
import { startPulseProcess, type PulseProcess } from './pulse-process.ts';
import type { BenchContext } from './scenario.ts';

export interface Installation {
  readonly queue: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly redis: RedisClient;
  readonly pool: Pool;
  readonly accumulator: Accumulator;
  /** Starts a worker and waits until it consumes. */
  startWorker(env?: Readonly<Record<string, string>>): Promise<PulseProcess>;
  /** How many pulses are counted and refused so far. */
  readCounts(): Promise<{ counted: number; duplicates: number }>;
  /** Removes everything. Whoever started workers must close them first. */
  close(): Promise<void>;
}

/** Long enough to remember every id of the bench, so that memory only grows. */
export const DEDUPE_WINDOW_SECONDS = 86_400;
const CONSUMING_TIMEOUT_MS = 30_000;
const POLL_MS = 20;
/** No flush except those that a scenario starts. */
const NO_FLUSH = '0 0 1 1 *';

/** Creates an installation that is migrated, declared and empty. */
export async function createInstallation(context: BenchContext): Promise<Installation> {
  const { servers, logger } = context;
  const number = context.nextNumber();
  const queue = `bench.${number}`;
  const database = `bench_${number}`;
  const redisUrl = `${servers.redisUrl}/${number}`;
  const databaseUrl = withPath(servers.databaseUrl, `/${database}`);
  await queryOnce(servers.databaseUrl, `CREATE DATABASE ${database}`);
  await runMigrations(databaseUrl, logger);
  await declareTopologyAt(servers.rabbitmqUrl, queue);
  // A flush streams through it while other calls wait, so the client must not time out a long call.
  const redis = createRedis(redisUrl, { name: 'bench', logger, commandTimeoutMs: 60_000 });
  await waitForRedis(redis, { url: redisUrl, timeoutMs: 10_000, logger });
  await ensureLibrary(redis);
  const pool = createPool(databaseUrl, { name: 'bench', logger, statementTimeoutMs: 600_000 });
  const shards = Number(context.workerEnv.SHARDS ?? 1);
  const accumulator = createAccumulator({ redis, shards });
  return {
    queue,
    redisUrl,
    databaseUrl,
    redis,
    pool,
    accumulator,
    startWorker: async (env = {}) => {
      const { rabbitmqUrl } = servers;
      const worker = await startPulseProcess({
        command: 'worker',
        env: {
          ...pulseEnv({ rabbitmqUrl, redisUrl, databaseUrl, queue }),
          ...context.workerEnv,
          ...env,
        },
        profileDirectory: context.profileDirectory,
      });
      await waitForConsumer(rabbitmqUrl, queue);
      return worker;
    },
    async readCounts() {
      const counts = { counted: 0, duplicates: 0 };
      for (let shard = 0; shard < shards; shard++) {
        const books = await accumulator.readBooks(shard);
        counts.counted += Number(books.counted);
        counts.duplicates += Number(books.duplicates);
      }
      return counts;
    },
    async close() {
      await redis.flushdb();
      redis.disconnect();
      await pool.end();
      await queryOnce(servers.databaseUrl, `DROP DATABASE ${database} WITH (FORCE)`);
      await deleteQueues(servers.rabbitmqUrl, queue);
    },
  };
}

/** The environment of a process of this installation. */
export function pulseEnv(options: {
  rabbitmqUrl: string;
  redisUrl: string;
  databaseUrl: string;
  queue: string;
}): Record<string, string> {
  return {
    RABBITMQ_URL: options.rabbitmqUrl,
    REDIS_URL: options.redisUrl,
    DATABASE_URL: options.databaseUrl,
    PULSE_QUEUE: options.queue,
    DEDUPE_WINDOW_SECONDS: String(DEDUPE_WINDOW_SECONDS),
    FLUSH_CRON: NO_FLUSH,
    METRICS_PORT: '0',
    API_PORT: '0',
    LOG_LEVEL: 'warn',
  };
}

async function waitForConsumer(url: string, queue: string): Promise<void> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    const deadlineMs = performance.now() + CONSUMING_TIMEOUT_MS;
    while ((await channel.checkQueue(queue)).consumerCount === 0) {
      if (performance.now() > deadlineMs) throw new Error('The worker does not consume.');
      await sleep(POLL_MS);
    }
  } finally {
    await connection.close();
  }
}

async function deleteQueues(url: string, queue: string): Promise<void> {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    for (const name of [queue, `${queue}.dead`, `${queue}.dead.parked`]) {
      await channel.deleteQueue(name);
      await channel.deleteExchange(name);
    }
  } finally {
    await connection.close();
  }
}

async function queryOnce(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function withPath(url: string, path: string): string {
  const changed = new URL(url);
  changed.pathname = path;
  return changed.href;
}
