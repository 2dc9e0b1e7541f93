/** How full Redis is, and whether it still keeps what it acknowledges. */
import type { Redis } from 'ioredis';
import type { Logger } from './logger.ts';
import { mastersOf, type RedisClient } from './redis.ts';
import {
  checkEachNode,
  checkRedisDurability,
  checkRedisWrites,
  readInfo,
  type Finding,
} from './redis-durability.ts';
import { startWatch, type Watch } from './watch.ts';

/** Of a cluster, the memory is that of the master that holds the most. */
export interface RedisSight {
  readonly memoryBytes: number;
  /** 0 is no limit. */
  readonly memoryMaxBytes: number;
  readonly durability: readonly Finding[];
}

const INTERVAL_MS = 15_000;

export function startRedisWatch(redis: RedisClient, logger: Logger): Watch<RedisSight> {
  return startWatch({
    name: 'redis',
    intervalMs: INTERVAL_MS,
    logger,
    async look() {
      const memories = await Promise.all(mastersOf(redis).map(readMemory));
      const [fullest] = memories.sort((one, other) => other.memoryBytes - one.memoryBytes);
      return {
        memoryBytes: fullest?.memoryBytes ?? 0,
        memoryMaxBytes: fullest?.memoryMaxBytes ?? 0,
        durability: [
          ...(await checkRedisDurability(redis)),
          ...(await checkEachNode(redis, async (node) => [await checkRedisWrites(node)])),
        ],
      };
    },
  });
}

async function readMemory(redis: Redis): Promise<{ memoryBytes: number; memoryMaxBytes: number }> {
  const memory = await readInfo(redis, 'memory');
  return {
    memoryBytes: Number(memory.get('used_memory')),
    memoryMaxBytes: Number(memory.get('maxmemory')),
  };
}
