/** What readiness asks of the servers. */
import type { Pool } from 'pg';
import type { ReadinessCheck } from '../platform/health.ts';
import { pingRedis, type RedisClient } from '../platform/redis.ts';

/** The two that every process asks by a command. */
export function serverChecks({
  redis,
  pool,
}: {
  redis: RedisClient;
  pool: Pick<Pool, 'query'>;
}): ReadinessCheck[] {
  return [
    { name: 'redis', check: () => pingRedis(redis) },
    {
      name: 'postgres',
      check: async () => {
        await pool.query('SELECT 1');
      },
    },
  ];
}

/** A check that only looks at a state the process keeps anyway. */
export function toCheck(name: string, isReady: () => boolean): ReadinessCheck {
  return {
    name,
    check: () =>
      isReady() ? Promise.resolve() : Promise.reject(new Error(`${name} is not connected.`)),
  };
}
