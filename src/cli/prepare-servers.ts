/** Brings the three servers to the state that this build expects, at every start. */
import { assertLibraryFits, ensureLibrary } from '../aggregate/library.ts';
import { assertNoOldSums } from '../aggregate/upgrade.ts';
import { assertSettingsFit, ensureSettings, type Settings } from '../aggregate/settings.ts';
import { FatalError, PulseError, TransientError } from '../core/errors.ts';
import { sleep } from '../platform/backoff.ts';
import { runMigrations } from '../platform/migrate.ts';
import { waitForPostgres } from '../platform/postgres.ts';
import { waitForRabbit } from '../platform/rabbit-connection.ts';
import { waitForRedis, withForbidden } from '../platform/redis.ts';
import { declareTopologyAt } from '../platform/topology.ts';
import type { Clients } from './clients.ts';
import { waitOptions, type CommandRun } from './command.ts';

/** Refuses servers that a command must not use. Changes nothing on them. @throws FatalError */
export type ServerCheck = (run: CommandRun, clients: Clients) => Promise<void>;

/** Creates on the servers what a part needs. @throws TransientError A server failed: it is called again. */
export type PreparationStep = (run: CommandRun, clients: Clients) => Promise<void>;

export interface Preparation {
  /** What else to refuse. All checks run before anything is changed. */
  readonly checks?: readonly ServerCheck[];
  /** What else to create; each is idempotent. */
  readonly steps?: readonly PreparationStep[];
  /** False leaves Redis alone, and does not wait for it. */
  readonly usesRedis?: boolean;
}

const RETRY_DELAY_MS = 500;

/**
 * Waits for the servers, then migrates Postgres, declares the topology and loads the Redis functions.
 * Idempotent; several processes may do this at once. If a server fails meanwhile, it begins again, until
 * START_TIMEOUT_SECONDS have passed.
 *
 * @throws FatalError naming every server that is unavailable, or what differs from what Pulse needs.
 */
export async function prepareServers(
  run: CommandRun,
  clients: Clients,
  preparation: Preparation = {},
): Promise<Settings> {
  const { config, logger, stop } = run;
  const deadlineMs = performance.now() + config.startTimeoutMs;
  for (;;) {
    await waitForServers(run, clients, {
      usesRedis: preparation.usesRedis,
      atMostMs: deadlineMs - performance.now(),
    });
    try {
      return await prepareOnce(run, clients, preparation);
    } catch (error) {
      const isOutage = error instanceof TransientError;
      if (!isOutage || stop.aborted || performance.now() >= deadlineMs) {
        throw withForbidden(error);
      }
      logger.warn({ reason: error.message }, 'a server failed during the start, waiting for it');
      await sleep(RETRY_DELAY_MS, stop);
    }
  }
}

async function prepareOnce(
  run: CommandRun,
  clients: Clients,
  { checks = [], steps = [], usesRedis = true }: Preparation,
): Promise<Settings> {
  const { servers, redis, pool } = clients;
  const { config, logger } = run;
  const installation = { shards: config.shards, windowSeconds: config.ingest.windowSeconds };
  await assertSettingsFit(pool, installation);
  if (usesRedis) {
    await assertLibraryFits(redis);
    // Before anything is loaded: only the functions of the version before can flush its sums.
    await assertNoOldSums(redis, config.shards);
  }
  for (const check of checks) await check(run, clients);
  await runMigrations(servers.databaseUrl, logger);
  const settings = await ensureSettings(pool, installation);
  await declareTopologyAt(servers.rabbitmqUrl, config.queue);
  for (const step of steps) await step(run, clients);
  if (usesRedis) await ensureLibrary(redis);
  return settings;
}

/**
 * Waits for all of them at the same time, so that the error names all that are unavailable.
 *
 * @param options.atMostMs Less than START_TIMEOUT_SECONDS; at least one try is made.
 * @throws FatalError
 */
export async function waitForServers(
  run: CommandRun,
  { servers, redis }: Pick<Clients, 'servers' | 'redis'>,
  {
    usesRedis = true,
    atMostMs,
  }: { readonly usesRedis?: boolean | undefined; readonly atMostMs?: number } = {},
): Promise<void> {
  const options = waitOptions(run, atMostMs);
  const waits = await Promise.allSettled([
    waitForRabbit(servers.rabbitmqUrl, options),
    usesRedis && waitForRedis(redis, { ...options, url: servers.redisUrl }),
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
