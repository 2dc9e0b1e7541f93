/** Everything that `pulse doctor` checks. A command and the API share it. */
import type { Pool } from 'pg';
import type { Accumulator } from '../aggregate/accumulator.ts';
import type { Finding } from '../aggregate/redis-durability.ts';
import type { ServerUrls } from '../config.ts';
import { readPauseState } from '../ingest/pauses-query.ts';
import { withTimeout } from '../platform/backoff.ts';
import { serverOf } from '../platform/logger.ts';
import { waitForRedis, type RedisClient } from '../platform/redis.ts';
import type { WaitOptions } from '../platform/wait-for-server.ts';
import { checkMessageRoutes, type MessageRoutes } from './check-messages.ts';
import { checkPostgres } from './check-postgres.ts';
import { checkRabbit } from './check-rabbit.ts';
import { checkRedis } from './check-redis.ts';
import { checkDisk, stateChecks } from './check-state.ts';
import { checkTimeZones } from './check-time-zones.ts';
import { checkWorkflows } from './check-workflows.ts';
import { danger } from './findings.ts';
import { reasonOf, runChecks, type Check } from './run-checks.ts';

export interface ExamineDeps {
  readonly servers: ServerUrls;
  readonly redis: RedisClient;
  readonly pool: Pool;
  readonly accumulator: Accumulator;
  /** PULSE_QUEUE. */
  readonly queue: string;
  readonly messageRoutes: MessageRoutes;
  /** MESSAGE_PREFIX. */
  readonly messagePrefix: string;
  readonly windowSeconds: number;
  readonly flushCron: string;
  /** How long Redis may take to answer; its client connects in the background. */
  readonly redisWait: WaitOptions;
  /** How long everything may take; the checks of one server get half of it. Default: no limit. */
  readonly withinMs?: number;
}

/** Checks all three servers; one that is unavailable is a finding, and the others are still checked. */
export async function examine(deps: ExamineDeps): Promise<Finding[]> {
  const { servers, redis, pool, accumulator, windowSeconds, withinMs } = deps;
  const { shards } = accumulator;
  const startedMs = performance.now();
  const ofServerMs = withinMs && withinMs / 2;
  const findings = await Promise.all([
    orDanger(ofServerMs, ['rabbitmq', servers.rabbitmqUrl], async () => [
      ...(await checkRabbit(servers.rabbitmqUrl, deps.queue, () => isPaused(pool))),
      ...(await runChecks([
        ['messages', () => checkMessageRoutes(servers.rabbitmqUrl, deps.messageRoutes)],
      ])),
    ]),
    orDanger(ofServerMs, ['redis', servers.redisUrl], async () => {
      await waitForRedis(redis, { ...deps.redisWait, url: servers.redisUrl });
      return checkRedis(redis);
    }),
    orDanger(ofServerMs, ['postgres', servers.databaseUrl], () =>
      checkPostgres(servers.databaseUrl, pool, { shards, windowSeconds }),
    ),
  ]);
  const known = findings.flat();
  const leftMs = withinMs && withinMs - (performance.now() - startedMs);
  return [...known, ...(await runChecks(wholeChecks(deps, known), leftMs))];
}

/** Checks that need several servers, as far as those answer. */
function wholeChecks(deps: ExamineDeps, known: readonly Finding[]): Check[] {
  const { servers, redis, pool } = deps;
  const isOk = (name: string): boolean => {
    const named = known.filter((finding) => isNamed(finding, name));
    return named.length > 0 && named.every(({ status }) => status === 'ok');
  };
  const answers = (name: string): boolean => known.some((finding) => isNamed(finding, name));
  const readRedisDirectory = async (): Promise<string | undefined> =>
    isOk('redis version') ? (await redis.config('GET', 'dir'))[1] : undefined;
  const readPostgresDirectory = async (): Promise<string | undefined> => {
    const { rows } = await pool.query<{ data_directory: string }>('SHOW data_directory');
    return rows[0]?.data_directory;
  };
  const checks: Check[] = [
    ['redis disk', () => checkDisk('redis disk', servers.redisUrl, readRedisDirectory)],
    ['postgres disk', () => checkDisk('postgres disk', servers.databaseUrl, readPostgresDirectory)],
  ];
  if (isOk('postgres version')) checks.push(['time zones', () => checkTimeZones(pool)]);
  if (!answers('redis version') || !answers('postgres version')) return checks;
  const prepared = {
    schema: isOk('postgres migrations') && isOk('shards'),
    functions: isOk('redis functions'),
  };
  const ofState = stateChecks(deps, prepared);
  if (!prepared.schema || !answers('rabbitmq version')) return [...checks, ...ofState];
  return [...checks, ...ofState, ['workflows', () => checkWorkflows(deps)]];
}

/** In a cluster, a finding's name ends in the node's address. */
function isNamed(finding: Finding, name: string): boolean {
  return finding.name === name || finding.name.startsWith(`${name} at `);
}

/** False if Postgres does not answer, or has no such table yet. */
function isPaused(pool: Pool): Promise<boolean> {
  return readPauseState(pool).then(
    ({ paused }) => paused,
    () => false,
  );
}

/** What one server is asked. If it does not answer, that is the finding. */
async function orDanger(
  withinMs: number | undefined,
  [name, url]: readonly [name: string, url: string],
  check: () => Promise<Finding[]>,
): Promise<Finding[]> {
  try {
    return await (withinMs === undefined ? check() : withTimeout(withinMs, check()));
  } catch (error) {
    return [danger(name, reasonOf(error, `${serverOf(url)} does not answer`))];
  }
}
