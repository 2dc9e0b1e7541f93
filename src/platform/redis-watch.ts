/** How full Redis is, and whether it still keeps what it acknowledges. */
import type { Redis } from 'ioredis';
import type { Logger } from './logger.ts';
import {
  checkRedisDurability,
  checkRedisWrites,
  readInfo,
  type Finding,
} from './redis-durability.ts';
import { startWatch, type Watch } from './watch.ts';

export interface RedisSight {
  readonly memoryBytes: number;
  /** 0 is no limit. */
  readonly memoryMaxBytes: number;
  readonly durability: readonly Finding[];
}

const INTERVAL_MS = 15_000;

export function startRedisWatch(redis: Redis, logger: Logger): Watch<RedisSight> {
  return startWatch({
    name: 'redis',
    intervalMs: INTERVAL_MS,
    logger,
    async look() {
      const memory = await readInfo(redis, 'memory');
      return {
        memoryBytes: Number(memory.get('used_memory')),
        memoryMaxBytes: Number(memory.get('maxmemory')),
        durability: [...(await checkRedisDurability(redis)), await checkRedisWrites(redis)],
      };
    },
  });
}
