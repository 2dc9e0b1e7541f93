/** The private servers of a run, how to break and heal them, and a new installation for each round. */
import { Redis } from 'ioredis';
import { Pool, type Client } from 'pg';
import { shardKeys } from '../../src/aggregate/keys.ts';
import { sleep } from '../../src/platform/backoff.ts';
import {
  startPrivateServers,
  type PrivateServers,
} from '../../src/private-servers/private-servers.ts';
import type { ServerName } from '../../src/private-servers/process-spec.ts';
import { deleteTopology, withChannel, withClient, withPath } from '../support/servers.ts';
import type { Stored, StoredDeadLetter, StoredRow } from './checker.ts';

export type { ServerName };

export interface ServerUrls {
  readonly rabbitmq: string;
  readonly redis: string;
  readonly postgres: string;
}

export interface TestServers {
  readonly directory: string;
  readonly urls: ServerUrls;
  /** Kills, waits, starts again. One at a time per server. */
  bounce(name: ServerName, downMs: number): Promise<void>;
  /** Suspends, waits, continues. */
  freeze(name: ServerName, frozenMs: number): Promise<void>;
  /** Starts servers that have ended. */
  heal(): Promise<void>;
  stop(): Promise<void>;
}

const TEMPLATE = 'faults_template';

export async function startTestServers(options: {
  readonly directory: string;
  readonly keepFiles: boolean;
}): Promise<TestServers> {
  const services = await startPrivateServers(options);
  const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = services.env;
  const busy = new Map<ServerName, Promise<void>>();
  const inTurn = (name: ServerName, work: () => Promise<void>): Promise<void> => {
    const turn = (busy.get(name) ?? Promise.resolve()).then(work);
    busy.set(
      name,
      turn.catch(() => undefined),
    );
    return turn;
  };
  return {
    directory: options.directory,
    urls: { rabbitmq: RABBITMQ_URL, redis: REDIS_URL, postgres: DATABASE_URL },
    bounce: (name, downMs) => inTurn(name, () => bounce(services, name, downMs)),
    freeze: (name, frozenMs) =>
      inTurn(name, async () => {
        await services.kill(name, 'SIGSTOP');
        await sleep(frozenMs);
        await services.kill(name, 'SIGCONT');
      }),
    async heal() {
      for (const name of ['rabbitmq', 'redis', 'postgres'] as const) {
        await inTurn(name, () => services.start(name));
      }
    },
    stop: () => services.stop(),
  };
}

async function bounce(services: PrivateServers, name: ServerName, downMs: number) {
  await services.kill(name);
  await sleep(downMs);
  await services.start(name);
}

/** A new queue and new databases. */
export interface Installation {
  readonly name: string;
  readonly queue: string;
  readonly urls: ServerUrls;
  /** Ready messages in the queue of pulses and in the dead-letter queue, and pulses in the journal. */
  depths(): Promise<{
    readonly pulses: number;
    readonly dead: number;
    readonly journalled: number;
  }>;
  stored(): Promise<Stored>;
  remove(): Promise<void>;
}

/** @param migrate Migrates a new database to the schema of the build under test; called once per set of servers. */
export async function createInstallation(
  { urls }: TestServers,
  { name, redisIndex, shards = 1, migrate }: InstallationOptions,
): Promise<Installation> {
  const database = name.replaceAll(/\W/g, '_');
  const queue = `faults.${name}`;
  const own: ServerUrls = {
    rabbitmq: urls.rabbitmq,
    redis: withPath(urls.redis, String(redisIndex)),
    postgres: withPath(urls.postgres, database),
  };
  const drop = `DROP DATABASE IF EXISTS ${database} WITH (FORCE)`;
  await withClient(urls.postgres, async (client) => {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [
      TEMPLATE,
    ]);
    if (rowCount === 0) {
      await client.query(`CREATE DATABASE ${TEMPLATE}`);
      await migrate(withPath(urls.postgres, TEMPLATE));
    }
    await client.query(drop);
    await client.query(`CREATE DATABASE ${database} TEMPLATE ${TEMPLATE}`);
  });
  await flushRedis(own.redis);
  return {
    name,
    queue,
    urls: own,
    depths: async () => ({
      ...(await readDepths(own.rabbitmq, queue)),
      journalled: await readJournalled(own.redis, shards),
    }),
    stored: () => withClient(own.postgres, readStored),
    async remove() {
      await withClient(urls.postgres, (client) => client.query(drop));
      await flushRedis(own.redis);
      await deleteTopology(own.rabbitmq, queue);
    },
  };
}

interface InstallationOptions {
  readonly name: string;
  readonly redisIndex: number;
  readonly shards?: number;
  readonly migrate: (databaseUrl: string) => Promise<void>;
}

async function readStored(client: Client): Promise<Stored> {
  const rows = await client.query<StoredRow>(
    `SELECT tenant, product_sku, use_unity, window_start, used_amount, pulse_count, flush_batch_id
     FROM pulses`,
  );
  const deadLetters = await client.query<StoredDeadLetter>(
    'SELECT message_id, pulse_index, reason FROM dead_letters',
  );
  return { rows: rows.rows, deadLetters: deadLetters.rows };
}

/** A client for the queries of the round itself; it survives restarts of the server. */
export function openAdminPool(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: 2, connectionTimeoutMillis: 2_000 });
  pool.on('error', () => undefined);
  return pool;
}

export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { maxRetriesPerRequest: 20, retryStrategy: () => 100 });
  redis.on('error', () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function flushRedis(url: string): Promise<void> {
  await withRedis(url, (redis) => redis.flushdb());
}

function readJournalled(url: string, shards: number): Promise<number> {
  return withRedis(url, async (redis) => {
    let pulses = 0;
    for (let shard = 0; shard < shards; shard++) {
      pulses += Number((await redis.hget(shardKeys(shard).books, 'journalled')) ?? 0);
    }
    return pulses;
  });
}

function readDepths(url: string, queue: string) {
  return withChannel(url, async (channel) => ({
    pulses: (await channel.checkQueue(queue)).messageCount,
    dead: (await channel.checkQueue(`${queue}.dead`)).messageCount,
  }));
}
