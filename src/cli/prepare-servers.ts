/** Bringing the three servers to the state that this build expects, at every start. */
import type { Pool } from 'pg';
import { ensureLibrary } from '../aggregate/library.ts';
import { ensureSettings, type Settings } from '../aggregate/settings.ts';
import type { ServerUrls } from '../config.ts';
import { FatalError, PulseError } from '../core/errors.ts';
import { runMigrations } from '../platform/migrate.ts';
import { waitForPostgres } from '../platform/postgres.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { waitForRedis, type RedisClient } from '../platform/redis.ts';
import { declareTopologyAt } from '../platform/topology.ts';
import type { CommandRun } from './command.ts';

/** The clients that preparation speaks through. */
export interface PreparedClients {
  readonly servers: ServerUrls;
  readonly redis: RedisClient;
  readonly pool: Pool;
}

/**
 * Waits for the servers, then migrates Postgres, declares the topology and loads the Redis functions.
 * Idempotent; several processes may do it at once.
 *
 * @throws FatalError naming every server that stayed away, or what differs from what it should be.
 */
export async function prepareServers(run: CommandRun, clients: PreparedClients): Promise<Settings> {
  const { servers, redis, pool } = clients;
  const { config, logger } = run;
  await waitForServers(run, clients);
  await runMigrations(servers.databaseUrl, logger);
  const settings = await ensureSettings(pool, { shards: config.shards });
  await declareTopologyAt(servers.rabbitmqUrl, config.queue);
  await ensureLibrary(redis);
  return settings;
}

/** Waits for all three at the same time, so that all that are away are named at once. */
export async function waitForServers(
  { config, logger, stop }: CommandRun,
  { servers, redis }: Pick<PreparedClients, 'servers' | 'redis'>,
): Promise<void> {
  const options = { timeoutMs: config.startTimeoutMs, logger, signal: stop };
  const waits = await Promise.allSettled([
    waitForRabbit(servers.rabbitmqUrl, options),
    waitForRedis(redis, { ...options, url: servers.redisUrl }),
    waitForPostgres(servers.databaseUrl, options),
  ]);
  const errors = waits.flatMap((wait) =>
    wait.status === 'rejected' ? [wait.reason as Error] : [],
  );
  const [first] = errors;
  if (first === undefined) return;
  if (errors.length === 1 || !(first instanceof PulseError)) throw first;
  throw new FatalError(first.code, errors.map((error) => error.message).join('\npulse: '), {
    cause: new AggregateError(errors),
  });
}
