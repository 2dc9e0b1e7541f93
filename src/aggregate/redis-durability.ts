/** Whether this Redis can keep the promise: what it acknowledged must survive its own death. */
import { ReplyError, type Redis } from 'ioredis';
import { FatalError, TransientError } from '../core/errors.ts';
import { nodesOf, type RedisClient } from '../platform/redis.ts';

/** One thing about a server, and whether it endangers counts. */
export interface Finding {
  readonly name: string;
  readonly status: 'ok' | 'warning' | 'danger';
  readonly detail: string;
}

/**
 * Reads the settings that decide whether acknowledged sums can be lost. A managed Redis may refuse to
 * show them; that is a warning, because nobody knows. Replicas are asked too: each may be a master soon.
 */
export async function checkRedisDurability(redis: RedisClient): Promise<Finding[]> {
  return checkEachNode(redis, checkDurability);
}

/** What `check` finds on every node; of a cluster, each finding says of which. */
export async function checkEachNode(
  redis: RedisClient,
  check: (node: Redis) => Promise<Finding[]>,
): Promise<Finding[]> {
  const nodes = nodesOf(redis);
  const findings = await Promise.all(
    nodes.map(async (node) => {
      const { host = '', port = 0 } = node.options;
      const isOne = node === redis;
      return (await check(node)).map((finding) =>
        isOne ? finding : { ...finding, name: `${finding.name} at ${host}:${port}` },
      );
    }),
  );
  return findings.flat();
}

async function checkDurability(redis: Redis): Promise<Finding[]> {
  const persistence = await readInfo(redis, 'persistence');
  const appendOnly = await readSetting(redis, 'appendonly');
  const appendFsync = await readSetting(redis, 'appendfsync');
  const policy = await readSetting(redis, 'maxmemory-policy');
  return [
    setting('redis append-only file', appendOnly ?? onOff(persistence.get('aof_enabled')), {
      good: 'yes',
      danger: 'without it a crash of Redis loses every sum since the last snapshot: appendonly yes',
    }),
    setting('redis fsync', appendFsync, {
      good: 'always',
      danger: 'Redis answers before the data is on disk, a crash loses seconds: appendfsync always',
    }),
    setting('redis eviction', policy, {
      good: 'noeviction',
      danger: 'short of memory, Redis would drop sums and ids: maxmemory-policy noeviction',
    }),
  ];
}

/**
 * Refuses a Redis that may lose what it acknowledges.
 *
 * @throws FatalError PULSE_REDIS_UNSAFE with every reason. TransientError when Redis does not answer.
 */
export async function assertRedisIsSafe(redis: RedisClient): Promise<void> {
  const findings = await checkRedisDurability(redis).catch((error: unknown) => {
    throw new TransientError('PULSE_REDIS_UNREACHABLE', 'Redis did not answer.', { cause: error });
  });
  const dangers = findings.filter(({ status }) => status === 'danger');
  if (dangers.length === 0) return;
  throw new FatalError(
    'PULSE_REDIS_UNSAFE',
    'Pulse does not count with a Redis that may lose what it has acknowledged:\n' +
      dangers.map(({ name, detail }) => `  ${name} ${detail}`).join('\n') +
      '\nMend it, or set ALLOW_UNSAFE_REDIS=true to count without the guarantee.',
  );
}

function setting(
  name: string,
  value: string | undefined,
  { good, danger }: { good: string; danger: string },
): Finding {
  if (value === undefined) {
    return { name, status: 'warning', detail: `the server does not show it; it must be "${good}"` };
  }
  if (value === good) return { name, status: 'ok', detail: value };
  return { name, status: 'danger', detail: `is "${value}": ${danger}` };
}

/** Whether the append-only file takes writes; one that does not, on a full disk say, recovers by itself. */
export async function checkRedisWrites(redis: Redis): Promise<Finding> {
  const lastWrite = (await readInfo(redis, 'persistence')).get('aof_last_write_status');
  return {
    name: 'redis last write',
    status: lastWrite === undefined || lastWrite === 'ok' ? 'ok' : 'danger',
    detail: lastWrite ?? 'unknown',
  };
}

function onOff(flag: string | undefined): string | undefined {
  return flag === undefined ? undefined : flag === '1' ? 'yes' : 'no';
}

/** The fields of one section of INFO. */
export async function readInfo(redis: Redis, section: string): Promise<Map<string, string>> {
  const text = await redis.info(section);
  return new Map(
    text.split('\r\n').flatMap((line) => {
      const colon = line.indexOf(':');
      return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 1)] as const];
    }),
  );
}

async function readSetting(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const reply = await redis.config('GET', name);
    return reply[1];
  } catch (error) {
    // Managed servers forbid CONFIG. Anything else is no answer to this question.
    if (error instanceof ReplyError) return undefined;
    throw error;
  }
}
