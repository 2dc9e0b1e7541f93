/** Brings the three servers to the state that this build expects, at every start. */
import { assertLibraryFits, ensureLibrary } from '../aggregate/library.ts';
import { assertSettingsFit, ensureSettings, type Settings } from '../aggregate/settings.ts';
import { FatalError, PulseError } from '../core/errors.ts';
import { runMigrations } from '../platform/migrate.ts';
import { waitForPostgres } from '../platform/postgres.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { waitForRedis } from '../platform/redis.ts';
import { declareTopologyAt } from '../platform/topology.ts';
import type { Clients } from './clients.ts';
import { waitOptions, type CommandRun } from './command.ts';

/** Refuses servers that a command must not use. Changes nothing on them. @throws FatalError */
export type ServerCheck = (run: CommandRun, clients: Clients) => Promise<void>;

/**
 * Waits for the servers, then migrates Postgres, declares the topology and loads the Redis functions.
 * Idempotent; several processes may do this at once.
 *
 * @param checks What else to refuse. All checks run before anything is changed.
 * @throws FatalError naming every server that is unavailable, or what differs from what Pulse needs.
 */
export async function prepareServers(
  run: CommandRun,
  clients: Clients,
  checks: readonly ServerCheck[] = [],
): Promise<Settings> {
  const { servers, redis, pool } = clients;
  const { config, logger } = run;
  const installation = { shards: config.shards, windowSeconds: config.ingest.windowSeconds };
  await waitForServers(run, clients);
  await assertSettingsFit(pool, installation);
  await assertLibraryFits(redis);
  for (const check of checks) await check(run, clients);
  await runMigrations(servers.databaseUrl, logger);
  const settings = await ensureSettings(pool, installation);
  await declareTopologyAt(servers.rabbitmqUrl, config.queue);
  await ensureLibrary(redis);
  return settings;
}

/** Waits for all three at the same time, so that the error names all that are unavailable. */
export async function waitForServers(
  run: CommandRun,
  { servers, redis }: Pick<Clients, 'servers' | 'redis'>,
): Promise<void> {
  const options = waitOptions(run);
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
