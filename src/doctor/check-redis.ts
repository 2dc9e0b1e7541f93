/** What `pulse doctor` checks on Redis. It creates and changes nothing. */
import type { Redis } from 'ioredis';
import { LIBRARY_VERSION, libraryVersionIn } from '../aggregate/library.ts';
import {
  checkEachNode,
  checkRedisDurability,
  checkRedisReplicas,
  checkRedisWrites,
  readInfo,
  type Finding,
} from '../aggregate/redis-durability.ts';
import type { RedisClient } from '../platform/redis.ts';
import { checkRedisRewrites, checkRedisTakesWrites } from './check-redis-writes.ts';
import { atLeast, ok, warning } from './findings.ts';
import { runChecks } from './run-checks.ts';

export async function checkRedis(redis: RedisClient): Promise<Finding[]> {
  return checkEachNode(redis, (node) =>
    runChecks([
      ['redis version', () => checkVersion(node)],
      ['redis durability', () => checkRedisDurability(node)],
      ['redis last write', () => checkRedisWrites(node)],
      ['redis writes', () => checkRedisTakesWrites(node)],
      ['redis rewrites', () => checkRedisRewrites(node)],
      ['redis replicas', () => checkRedisReplicas(node)],
      ['redis memory', async () => judgeMemory(await readInfo(node, 'memory'))],
      ['redis functions', () => checkFunctions(node)],
    ]),
  );
}

async function checkVersion(redis: Redis): Promise<Finding> {
  const version = (await readInfo(redis, 'server')).get('redis_version') ?? 'unknown';
  return atLeast('redis version', version, '7.0');
}

async function checkFunctions(redis: Redis): Promise<Finding> {
  const name = 'redis functions';
  const library = await libraryVersionIn(redis);
  if (library === undefined) return warning(name, 'not loaded yet; a start loads them');
  if (library === LIBRARY_VERSION) return ok(name, `version ${library}`);
  const detail = `version ${library}, but this build needs ${LIBRARY_VERSION}`;
  return warning(name, `${detail}: run the same build everywhere`);
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
