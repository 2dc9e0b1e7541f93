/** Checks that Redis is durable: what it acknowledged must survive a crash. */
import { ReplyError, type Redis } from 'ioredis';
import { FatalError, PulseError, TransientError } from '../core/errors.ts';
import { nodesOf, withForbidden, type RedisClient } from '../platform/redis.ts';

/** One property of a server, and whether it puts counts at risk. */
export interface Finding {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'danger';
  readonly detail: string;
}

/**
 * Checks the settings that decide whether acknowledged sums can be lost. A managed Redis may not show them,
 * which is a warning. Replicas are checked too, because each may become a master.
 */
export async function checkRedisDurability(redis: RedisClient): Promise<Finding[]> {
  return checkEachNode(redis, checkDurability);
}

/** Runs `check` on every node. In a cluster, each finding names its node. */
export async function checkEachNode(
  redis: RedisClient,
  check: (node: Redis) => Promise<Finding[]>,
): Promise<Finding[]> {
  const nodes = nodesOf(redis);
  const findings = await Promise.all(
    nodes.map(async (node) => {
      const { host = '', port = 0 } = node.options;
      const isSingle = node === redis;
      return (await check(node)).map((finding) =>
        isSingle ? finding : { ...finding, name: `${finding.name} at ${host}:${port}` },
      );
    }),
  );
  return findings.flat();
}

async function checkDurability(redis: Redis): Promise<Finding[]> {
  const persistence = await readInfo(redis, 'persistence');
  const memory = await readInfo(redis, 'memory');
  // A managed server that forbids CONFIG shows these here.
  const shown: Readonly<Record<string, string | undefined>> = {
    appendonly: onOff(persistence.get('aof_enabled')),
    'maxmemory-policy': memory.get('maxmemory_policy'),
  };
  const findings = DURABLE_SETTINGS.map(async (one) =>
    judgeSetting(one, (await readSetting(redis, one.setting)) ?? shown[one.setting]),
  );
  return (await Promise.all(findings)).flat();
}

interface DurableSetting {
  readonly name: string;
  readonly setting: string;
  readonly good: string;
  readonly danger: string;
  /** Only newer servers have it; where it is missing, there is nothing to report. */
  readonly isOptional?: boolean;
}

/**
 * Every setting that can make Redis lose what it acknowledged.
 *
 * Not among them: `aof-load-truncated`, because a torn end of the file was never acknowledged under
 * `appendfsync always`; snapshots (`save`), which the append-only file replaces; and
 * `replica-ignore-disk-write-errors`, because `appendfsync always` ends a server that cannot write.
 */
const DURABLE_SETTINGS: readonly DurableSetting[] = [
  {
    name: 'redis append-only file',
    setting: 'appendonly',
    good: 'yes',
    danger: 'a crash of Redis would lose every sum since the last snapshot',
  },
  {
    name: 'redis fsync',
    setting: 'appendfsync',
    good: 'always',
    danger: 'Redis answers before data is on disk, so a crash would lose seconds',
  },
  {
    name: 'redis fsync on rewrite',
    setting: 'no-appendfsync-on-rewrite',
    good: 'no',
    danger: 'while Redis rewrites its append-only file, it answers before data is on disk',
  },
  {
    name: 'redis eviction',
    setting: 'maxmemory-policy',
    good: 'noeviction',
    danger: 'Redis would drop sums and ids when low on memory',
  },
  {
    name: 'redis corrupt tail',
    setting: 'aof-load-corrupt-tail-max-size',
    good: '0',
    danger: 'at a restart Redis would cut off a damaged end of its file without asking',
    isOptional: true,
  },
];

/**
 * Throws if Redis may lose what it acknowledges.
 *
 * @throws FatalError PULSE_REDIS_UNSAFE with every reason, PULSE_REDIS_FORBIDDEN. TransientError when Redis does not
 * answer.
 */
export async function assertRedisIsSafe(redis: RedisClient): Promise<void> {
  const findings = await checkRedisDurability(redis).catch((error: unknown) => {
    if (error instanceof PulseError) throw error;
    throw new TransientError('PULSE_REDIS_UNREACHABLE', 'Redis did not answer.', { cause: error });
  });
  const dangers = findings.filter(({ status }) => status === 'danger');
  if (dangers.length === 0) return;
  throw new FatalError(
    'PULSE_REDIS_UNSAFE',
    'Pulse refuses to use a Redis that may lose acknowledged data:\n' +
      dangers.map(({ name, detail }) => `  ${name} ${detail}`).join('\n') +
      '\nFix this, or set ALLOW_UNSAFE_REDIS=true to count without the guarantee.',
  );
}

/** Empty for an optional setting that this server does not have. */
function judgeSetting(
  { name, setting, good, danger, isOptional = false }: DurableSetting,
  value: string | undefined,
): Finding[] {
  if (value === undefined) {
    const detail = `unknown, the server does not show it; ${setting} must be "${good}"`;
    return isOptional ? [] : [{ name, status: 'warning', detail }];
  }
  if (value === good) return [{ name, status: 'ok', detail: value }];
  return [{ name, status: 'danger', detail: `is "${value}": ${danger}. Set ${setting} ${good}` }];
}

/** Whether writes to the append-only file succeed. They fail on a full disk, for example, until it has space. */
export async function checkRedisWrites(redis: Redis): Promise<Finding> {
  const lastWrite = (await readInfo(redis, 'persistence')).get('aof_last_write_status');
  return {
    name: 'redis last write',
    status: lastWrite === undefined || lastWrite === 'ok' ? 'ok' : 'danger',
    detail: lastWrite ?? 'unknown',
  };
}

/**
 * Whether enough replicas are connected for the server to take writes. Undefined when it is a replica, sets no
 * minimum, or does not show it.
 */
export async function checkRedisReplicas(redis: Redis): Promise<Finding | undefined> {
  const replication = await readInfo(redis, 'replication');
  // Present only with a minimum.
  const inSync = replication.get('min_slaves_good_slaves');
  const needed = Number((await readSetting(redis, 'min-replicas-to-write')) ?? 0);
  if (inSync === undefined || replication.get('role') !== 'master') return undefined;
  const detail = `${inSync} of ${needed} required are in sync`;
  return Number(inSync) >= needed
    ? { name: 'redis replicas', status: 'ok', detail }
    : {
        name: 'redis replicas',
        status: 'danger',
        detail: `${detail}: Redis takes no writes, so nothing is counted. Start replicas, or lower min-replicas-to-write`,
      };
}

function onOff(flag: string | undefined): string | undefined {
  return flag === undefined ? undefined : flag === '1' ? 'yes' : 'no';
}

/** The fields of one section of INFO. @throws FatalError PULSE_REDIS_FORBIDDEN */
export async function readInfo(redis: Redis, section: string): Promise<Map<string, string>> {
  const text = await redis.info(section).catch((error: unknown) => {
    throw withForbidden(error);
  });
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':');
      return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

/** Undefined if the server does not show it. */
export async function readSetting(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const reply = await redis.config('GET', name);
    return reply[1];
  } catch (error) {
    // Managed servers forbid CONFIG. Any other error means that the server did not answer.
    if (error instanceof ReplyError) return undefined;
    throw error;
  }
}
