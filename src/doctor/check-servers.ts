/** What `pulse doctor` checks on each server. It creates and changes nothing. */
import type { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { LIBRARY_VERSION, libraryVersionIn } from '../aggregate/library.ts';
import {
  checkEachNode,
  checkRedisDurability,
  checkRedisReplicas,
  checkRedisWrites,
  readInfo,
  type Finding,
} from '../aggregate/redis-durability.ts';
import {
  readStoredSettings,
  windowMismatch,
  type InstallationOptions,
} from '../aggregate/settings.ts';
import { toError } from '../core/errors.ts';
import { pendingMigrations } from '../platform/migrate.ts';
import { describeRights, missingRights, readRights } from '../platform/postgres-rights.ts';
import { databaseMistakes, whyCommitsWait, whyReadOnly } from '../platform/postgres-session.ts';
import { withRabbitConnection } from '../platform/rabbit-connection.ts';
import type { RedisClient } from '../platform/redis.ts';
import { readAsTenants, SCOPE_ROLES } from '../platform/scoped-postgres.ts';
import {
  lookAtTopology,
  readQueueDepth,
  topologyNames,
  type QueueDepth,
  type TopologyNames,
  type TopologySight,
} from '../platform/topology.ts';
import { danger, ok, warning } from './findings.ts';
import { checkPublishing } from './check-publishing.ts';
import { checkRedisRewrites, checkRedisTakesWrites } from './check-redis-writes.ts';

/** @param isPaused Asked when pulses wait and nothing consumes them. */
export async function checkRabbit(
  url: string,
  queue: string,
  isPaused: () => Promise<boolean>,
): Promise<Finding[]> {
  return withRabbitConnection(url, { name: 'pulse doctor' }, async (connection) => {
    const { serverProperties } = connection.connection;
    const version = atLeast('rabbitmq version', serverProperties.version, '3.10');
    const names = topologyNames(queue);
    const sights = await lookAtTopology(connection, queue);
    if (sights.every(({ exists }) => !exists)) {
      return [
        version,
        warning('rabbitmq queue', `"${queue}" does not exist yet; a start creates it`),
      ];
    }
    const exchanges = sights.filter(({ kind }) => kind === 'exchange');
    const depth = await readQueueDepth(connection, names.queue);
    const findings = [
      version,
      judgeExchanges(exchanges),
      depth === undefined
        ? danger('rabbitmq queue', `"${queue}" does not exist: no pulse is taken. ${RESTART}`)
        : judgeQueue(depth, depth.consumerCount === 0 && (await isPaused())),
      judgeDeadQueue(await readQueueDepth(connection, names.deadQueue), names.deadQueue),
      judgeParkedQueue(await readQueueDepth(connection, names.parkedQueue), names),
    ];
    const takesPulses = exchanges.some(({ name, exists }) => exists && name === names.exchange);
    return takesPulses ? [...findings, await checkPublishing(url, names.exchange)] : findings;
  });
}

const RESTART = 'Restart a worker, which creates it';

/** To declare a missing one would hide that somebody has deleted it. */
function judgeExchanges(exchanges: readonly TopologySight[]): Finding {
  const name = 'rabbitmq exchanges';
  const missing = exchanges.flatMap((one) => (one.exists ? [] : [`"${one.name}"`]));
  if (missing.length === 0) return ok(name, 'exist');
  return danger(
    name,
    `missing: ${missing.join(', ')}. RabbitMQ refuses what is published there, pulses or dead letters. ` +
      'Restart a worker, which creates and binds them',
  );
}

export function judgeQueue({ readyCount, consumerCount }: QueueDepth, paused: boolean): Finding {
  const name = 'rabbitmq queue';
  const detail = `quorum, ${readyCount} ready, ${consumerCount} consumers`;
  if (readyCount === 0 || consumerCount > 0) return ok(name, detail);
  return paused
    ? warning(name, `${detail}: ingest is paused`)
    : danger(
        name,
        `${detail}: nothing counts these pulses. Start a worker, or find out why it waits`,
      );
}

const DEAD_LETTERS_WARNING = 1_000;

/** @param depth Undefined when there is no such queue. */
export function judgeDeadQueue(depth: QueueDepth | undefined, deadQueue: string): Finding {
  const name = 'rabbitmq dead letters';
  if (depth === undefined) {
    return danger(
      name,
      `the queue "${deadQueue}" does not exist, so refused pulses cannot reach the quarantine. ` +
        'Restart a worker, which creates it',
    );
  }
  const { readyCount, consumerCount } = depth;
  const detail = `${readyCount} wait for the quarantine writer`;
  if (readyCount > 0 && consumerCount === 0) {
    return danger(name, `${detail}, and none runs: start a worker`);
  }
  return readyCount > DEAD_LETTERS_WARNING
    ? warning(name, `${detail}: check that Postgres answers`)
    : ok(name, detail);
}

/** @param depth Undefined when there is no such queue. */
export function judgeParkedQueue(
  depth: QueueDepth | undefined,
  { deadQueue, parkedQueue }: Pick<TopologyNames, 'deadQueue' | 'parkedQueue'>,
): Finding {
  const name = 'rabbitmq parked';
  if (depth === undefined) {
    return warning(
      name,
      `the queue "${parkedQueue}" does not exist, so a dead letter that Postgres refuses stays in "${deadQueue}". ` +
        RESTART,
    );
  }
  const { readyCount } = depth;
  if (readyCount === 0) return ok(name, 'none: every dead letter can be stored');
  return danger(
    name,
    `${readyCount} in "${parkedQueue}" that Postgres cannot store: they are not counted and not in the quarantine. ` +
      'Look at them, fix the cause and move them back, as docs/runbooks/dead-letters-parked.md says',
  );
}

export async function checkRedis(redis: RedisClient): Promise<Finding[]> {
  return checkEachNode(redis, checkRedisNode);
}

async function checkRedisNode(redis: Redis): Promise<Finding[]> {
  const version = (await readInfo(redis, 'server')).get('redis_version') ?? 'unknown';
  const library = await libraryVersionIn(redis);
  const replicas = await checkRedisReplicas(redis);
  return [
    atLeast('redis version', version, '7.0'),
    ...(await checkRedisDurability(redis)),
    await checkRedisWrites(redis),
    await checkRedisTakesWrites(redis),
    await checkRedisRewrites(redis),
    ...(replicas === undefined ? [] : [replicas]),
    judgeMemory(await readInfo(redis, 'memory')),
    library === undefined
      ? warning('redis functions', 'not loaded yet; a start loads them')
      : library === LIBRARY_VERSION
        ? ok('redis functions', `version ${library}`)
        : warning(
            'redis functions',
            `version ${library}, but this build needs ${LIBRARY_VERSION}: run the same build everywhere`,
          ),
  ];
}

export async function checkPostgres(
  url: string,
  pool: Pool,
  installation: InstallationOptions,
): Promise<Finding[]> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('server_version', 'fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  const pending = await pendingMigrations(url);
  const findings = [
    atLeast('postgres version', settings.get('server_version') ?? 'unknown', '14.0'),
    mustNotBe('fsync', settings, 'off'),
    mustNotBe('full_page_writes', settings, 'off'),
    mustNotBe('synchronous_commit', settings, 'off'),
    ...(await checkDatabase(pool)),
    await checkWrites(pool),
    pending.length === 0
      ? ok('postgres migrations', 'up to date')
      : danger('postgres migrations', `missing: ${pending.join(', ')}; run \`pulse migrate\``),
    await checkRoles(pool, { migrating: pending.length > 0 }),
  ];
  if (pending.length > 0) return findings;
  return [...findings, ...checkSettings(await readStoredSettings(pool), installation)];
}

async function checkDatabase(pool: Pool): Promise<Finding[]> {
  const name = 'postgres database';
  const mistakes = await databaseMistakes(pool);
  if (mistakes.length === 0) return [ok(name, 'encoding, schema and session settings fit')];
  return mistakes.map((mistake) => danger(name, mistake));
}

async function checkWrites(pool: Pool): Promise<Finding> {
  const name = 'postgres writes';
  const reason = (await whyReadOnly(pool)) ?? (await whyCommitsWait(pool));
  return reason === undefined ? ok(name, 'are accepted') : danger(name, reason);
}

/** Checks the rights, and then reads as each role, as the API does. */
async function checkRoles(pool: Pool, options: { migrating: boolean }): Promise<Finding> {
  const name = 'postgres roles';
  const rights = await readRights(pool);
  if (rights === undefined) return warning(name, 'not checked, because there is no schema');
  const lines = missingRights(rights, options);
  if (lines.length > 0) return danger(name, describeRights(rights, lines).replace(/\n\s*/g, ' '));
  if (options.migrating) return ok(name, 'can be created');
  for (const scope of ['all', []] as const) {
    try {
      await readAsTenants(pool, scope, (client) => client.query(READ_SCOPED));
    } catch (error) {
      const role = scope === 'all' ? SCOPE_ROLES.all : SCOPE_ROLES.some;
      return danger(name, `${role} cannot read its tables (${toError(error).message})`);
    }
  }
  return ok(name, 'keep tenants apart');
}

const READ_SCOPED = `SELECT (SELECT count(*) FROM (SELECT FROM pulses LIMIT 1) AS one),
  (SELECT count(*) FROM (SELECT FROM dead_letters LIMIT 1) AS one),
  (SELECT count(*) FROM (SELECT id FROM flush_batches LIMIT 1) AS one)`;

/** None before the first start, which stores the settings. */
function checkSettings(
  stored: ReadonlyMap<string, string>,
  { shards, windowSeconds }: InstallationOptions,
): Finding[] {
  const findings: Finding[] = [];
  const storedShards = stored.get('shards');
  if (storedShards !== undefined) {
    const detail = `SHARDS is ${shards}, but this installation uses ${storedShards}: set SHARDS=${storedShards}`;
    const isSame = storedShards === String(shards);
    findings.push(isSame ? ok('shards', storedShards) : danger('shards', detail));
  }
  const storedMinutes = stored.get('window_minutes');
  if (storedMinutes !== undefined) {
    const minutes = windowSeconds / 60;
    const isSame = storedMinutes === String(minutes);
    const name = 'window length';
    findings.push(
      isSame
        ? ok(name, `${minutes} minutes`)
        : danger(name, windowMismatch(minutes, storedMinutes)),
    );
  }
  return findings;
}

function mustNotBe(name: string, settings: ReadonlyMap<string, string>, bad: string): Finding {
  const value = settings.get(name) ?? 'unknown';
  return value === bad
    ? danger(
        `postgres ${name}`,
        `is ${bad}: a crash can lose rows that Redis no longer holds. Set it to on`,
      )
    : ok(`postgres ${name}`, value);
}

/** A version older than any that Pulse was tested with is a danger. */
export function atLeast(name: string, version: string, oldest: string): Finding {
  const numbers = (text: string): number[] => text.split(/[. ]/).slice(0, 2).map(Number);
  const [major = Number.NaN, minor = Number.NaN] = numbers(version);
  const [oldestMajor = 0, oldestMinor = 0] = numbers(oldest);
  if (Number.isNaN(major)) {
    return warning(name, `"${version}" is not understood; Pulse needs ${oldest} or later`);
  }
  const isOld = major < oldestMajor || (major === oldestMajor && minor < oldestMinor);
  return isOld
    ? danger(name, `${version} is too old: Pulse needs ${oldest} or later`)
    : ok(name, version);
}

const MEMORY_SHARE_WARNING = 0.75;

/** Without eviction, a full Redis refuses pulses, which then wait in the queue. */
export function judgeMemory(memory: ReadonlyMap<string, string>): Finding {
  const name = 'redis memory';
  const used = Number(memory.get('used_memory') ?? 0);
  const limit = Number(memory.get('maxmemory') ?? 0);
  const total = limit > 0 ? limit : Number(memory.get('total_system_memory') ?? 0);
  const share = total > 0 ? used / total : 0;
  const detail =
    `${Math.round(used / 1024 ** 2)} MiB used, ${Math.round(share * 100)} % of ` +
    (limit > 0 ? 'maxmemory' : "the machine's memory; no maxmemory is set");
  return share > MEMORY_SHARE_WARNING
    ? warning(name, `${detail}: if it fills up, pulses wait in the queue. Give Redis more memory`)
    : ok(name, detail);
}
