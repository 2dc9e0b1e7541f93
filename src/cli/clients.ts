/** The clients of one process: Redis, Postgres, and the accumulator on top of Redis. */
import type { Pool } from 'pg';
import { createAccumulator, type Accumulator } from '../aggregate/accumulator.ts';
import { assertEpochFits } from '../aggregate/epoch.ts';
import { assertNoOldSums } from '../aggregate/upgrade.ts';
import { assertSettingsFit } from '../aggregate/settings.ts';
import type { ServerUrls } from '../config.ts';
import { FatalError } from '../core/errors.ts';
import { pendingMigrations } from '../platform/migrate.ts';
import { assertDatabaseFits } from '../platform/postgres-session.ts';
import { createPool, waitForPostgres } from '../platform/postgres.ts';
import { createRedis, type RedisClient } from '../platform/redis.ts';
import { waitOptions, type CommandRun } from './command.ts';
import { findServers } from './servers.ts';

export interface Clients {
  readonly servers: ServerUrls;
  readonly redis: RedisClient;
  readonly pool: Pool;
  /** Reads and seals sums; it knows no epoch, so it appends nothing. */
  readonly accumulator: Accumulator;
}

/**
 * Opens them; they connect in the background and are closed with the run.
 *
 * @param options.usesRedis False for a process that runs without Redis: its client never connects.
 */
export function openClients(
  run: CommandRun,
  {
    servers = findServers(run),
    usesRedis = true,
  }: { readonly servers?: ServerUrls; readonly usesRedis?: boolean } = {},
): Clients {
  const { logger, closer } = run;
  const redis = createRedis(servers.redisUrl, { name: 'pulse', logger, connects: usesRedis });
  closer.add('redis', () => {
    redis.disconnect();
  });
  const pool = createPool(servers.databaseUrl, { name: 'pulse', logger });
  closer.add('postgres', () => pool.end());
  return { servers, redis, pool, accumulator: openAccumulator(run, redis) };
}

/** The sums as this configuration keeps them. @param epoch Needed to append or to probe, see epoch.ts. */
export function openAccumulator(
  { config }: CommandRun,
  redis: RedisClient,
  epoch = '',
): Accumulator {
  const { shards, redisReplicasMin: replicasMin, journalBytesMax } = config;
  return createAccumulator({ redis, shards, replicasMin, epoch, journalBytesMax });
}

/**
 * Opens Postgres alone, for a command that needs nothing else; it is closed with the run.
 *
 * @param name What Postgres shows as the name of the connections.
 * @throws FatalError PULSE_POSTGRES_MIGRATIONS The schema is not up to date. PULSE_POSTGRES_UNUSABLE The database or its
 * sessions are set so that wrong rows would be stored.
 */
export async function openPool(run: CommandRun, name: string): Promise<Pool> {
  const { databaseUrl } = findServers(run);
  await waitForPostgres(databaseUrl, waitOptions(run));
  await assertMigrated(databaseUrl);
  const pool = createPool(databaseUrl, { name, logger: run.logger });
  run.closer.add('postgres', () => pool.end());
  await assertDatabaseFits(pool);
  return pool;
}

/** @throws FatalError PULSE_POSTGRES_MIGRATIONS The schema is not up to date. */
export async function assertMigrated(databaseUrl: string): Promise<void> {
  const pending = await pendingMigrations(databaseUrl);
  if (pending.length === 0) return;
  throw new FatalError(
    'PULSE_POSTGRES_MIGRATIONS',
    `The database lacks ${pending.join(', ')}: run \`pulse migrate\`.`,
  );
}

/**
 * Refuses servers that cannot answer for everything counted: a configuration of another installation would leave out
 * shards or cut hours wrongly, and a Redis that has lost its data has forgotten what it lost.
 *
 * @throws FatalError PULSE_REDIS_SHARDS, PULSE_SETTINGS_WINDOW, PULSE_REDIS_UPGRADE, PULSE_REDIS_EPOCH
 */
export async function assertWhole({ config }: CommandRun, clients: Clients): Promise<void> {
  const { shards, ingest } = config;
  await assertSettingsFit(clients.pool, { shards, windowSeconds: ingest.windowSeconds });
  await assertNoOldSums(clients.redis, shards);
  await assertEpochFits(clients);
}
