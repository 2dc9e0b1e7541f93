/** Watches how full Redis is and whether it is durable. */
import type { Redis } from 'ioredis';
import type { Registry } from 'prom-client';
import type { Logger } from '../platform/logger.ts';
import { addSampledGauge, addSampledGauges } from '../platform/metrics.ts';
import { mastersOf, pingRedis, type RedisClient } from '../platform/redis.ts';
import { startWatch, type Watch } from '../platform/watch.ts';
import {
  checkEachNode,
  checkRedisDurability,
  checkRedisWrites,
  readInfo,
  type Finding,
} from './redis-durability.ts';

/** In a cluster, the memory is that of the fullest master. */
export interface RedisSight {
  readonly memoryBytes: number;
  /** 0 means no limit. */
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
      // A process that only reads would stay with a server that was demoted.
      await pingRedis(redis);
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

export function addRedisMetrics(
  registry: Registry,
  watch: Pick<Watch<RedisSight>, 'latest'>,
): void {
  addSampledGauge(registry, {
    name: 'pulse_redis_memory_bytes',
    help: 'Memory that Redis uses.',
    read: () => watch.latest?.memoryBytes,
  });
  addSampledGauge(registry, {
    name: 'pulse_redis_memory_max_bytes',
    help: 'Memory that Redis may use; 0 means no limit.',
    read: () => watch.latest?.memoryMaxBytes,
  });
  addSampledGauges(registry, {
    name: 'pulse_redis_durable',
    help: 'Whether a setting of Redis keeps acknowledged data safe: 1 yes, 0 no; absent if the server does not show it.',
    label: 'setting',
    read: () => {
      const known = watch.latest?.durability.filter(({ status }) => status !== 'warning') ?? [];
      return Object.fromEntries(
        known.map(({ name, status }) => [name.replace(/^redis /, ''), status === 'ok' ? 1 : 0]),
      );
    },
  });
}
