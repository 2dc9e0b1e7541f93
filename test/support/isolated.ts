/** What one test file owns: a migrated database, a Redis database and a queue name. Nothing else uses them. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import type { Client, Pool } from 'pg';
import { pino } from 'pino';
import { inject } from 'vitest';
import { sleep } from '../../src/platform/backoff.ts';
import { runMigrations } from '../../src/platform/migrate.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { deleteTopology, withClient, withPath } from './servers.ts';
import './services-context.ts';

export interface IsolatedServices {
  readonly rabbitmqUrl: string;
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly queue: string;
  /** Releases everything. Close the test's own connections first. */
  close(): Promise<void>;
}

/** Redis database 0 only records who uses which of the others. */
const LEASE_PREFIX = 'test:lease:';
const TEMPLATE = 'pulse_test_template';
const POLL_MS = 10;

/** Prepares fresh services for one test file; tens of milliseconds after the first call of a run. */
export async function isolatedServices(): Promise<IsolatedServices> {
  const { RABBITMQ_URL, REDIS_URL, DATABASE_URL } = inject('services');
  const token = randomUUID().slice(0, 8);
  const database = `pulse_test_${token}`;
  const queue = `pulses.test.${token}`;
  const [redisIndex] = await Promise.all([
    leaseRedisDatabase(REDIS_URL, token),
    createDatabase(DATABASE_URL, database),
  ]);
  return {
    rabbitmqUrl: RABBITMQ_URL,
    redisUrl: withPath(REDIS_URL, String(redisIndex)),
    databaseUrl: withPath(DATABASE_URL, database),
    queue,
    async close() {
      await Promise.all([
        releaseRedisDatabase(REDIS_URL, redisIndex),
        withClient(DATABASE_URL, (client) => dropDatabase(client, database)),
        deleteTopology(RABBITMQ_URL, queue),
      ]);
    },
  };
}

/** The same with a pool of its own. */
export async function isolatedPool(): Promise<IsolatedServices & { readonly pool: Pool }> {
  const services = await isolatedServices();
  const pool = createPool(services.databaseUrl, {
    name: 'test',
    logger: pino({ level: 'silent' }),
  });
  return {
    ...services,
    pool,
    async close() {
      await pool.end();
      await services.close();
    },
  };
}

/** How long connections may take to close. Those of a process that was killed are terminated then. */
const CLOSING_MS = 1_000;

/** A pool whose end is under way would throw if its connection was terminated. */
async function dropDatabase(client: Client, database: string): Promise<void> {
  const untilMs = performance.now() + CLOSING_MS;
  const isOpen = async () => {
    const found = await client.query('SELECT FROM pg_stat_activity WHERE datname = $1 LIMIT 1', [
      database,
    ]);
    return found.rowCount !== 0;
  };
  while (performance.now() < untilMs && (await isOpen())) await sleep(POLL_MS);
  await client.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
}

/** Copies a template that the first caller of a run migrates; a copy is faster than the migrations. */
async function createDatabase(url: string, database: string): Promise<void> {
  await withClient(url, async (client) => {
    await client.query(`SELECT pg_advisory_lock(hashtextextended('${TEMPLATE}', 0))`);
    const ready = await client.query(
      `SELECT FROM pg_database WHERE datname = '${TEMPLATE}' AND datistemplate`,
    );
    if (ready.rowCount === 0) {
      await client.query(`DROP DATABASE IF EXISTS ${TEMPLATE}`);
      await client.query(`CREATE DATABASE ${TEMPLATE}`);
      await runMigrations(withPath(url, TEMPLATE), pino({ level: 'silent' }));
      // Marked last, so that a template whose migration failed is built again.
      await client.query(`ALTER DATABASE ${TEMPLATE} WITH is_template true`);
    }
    await client.query(`CREATE DATABASE ${database} TEMPLATE ${TEMPLATE}`);
  });
}

async function leaseRedisDatabase(url: string, token: string): Promise<number> {
  const redis = new Redis(url);
  try {
    const [, count] = await redis.config('GET', 'databases');
    for (let index = 1; index < Number(count); index++) {
      if ((await redis.set(LEASE_PREFIX + String(index), token, 'NX')) === null) continue;
      await redis.select(index);
      await redis.flushdb();
      return index;
    }
    throw new Error(`All ${String(count)} Redis databases are taken.`);
  } finally {
    redis.disconnect();
  }
}

async function releaseRedisDatabase(url: string, index: number): Promise<void> {
  const redis = new Redis(withPath(url, String(index)));
  try {
    await redis.flushdb();
    await redis.select(0);
    await redis.del(LEASE_PREFIX + String(index));
  } finally {
    redis.disconnect();
  }
}
