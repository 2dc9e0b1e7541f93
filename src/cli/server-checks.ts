/** Readiness checks that several parts share. */
import type { ReadinessCheck } from '../platform/health.ts';
import { pingRedis } from '../platform/redis.ts';
import type { Clients } from './clients.ts';

/** Checks that send a command to the server. */
export function serverChecks({ redis, pool }: Pick<Clients, 'redis' | 'pool'>): ReadinessCheck[] {
  const askPostgres = async (): Promise<void> => {
    await pool.query('SELECT 1');
  };
  return [
    { name: 'redis', check: () => pingRedis(redis) },
    { name: 'postgres', check: askPostgres },
  ];
}

/** A check of a state that the process tracks anyway. */
export function toCheck(name: string, isReady: () => boolean): ReadinessCheck {
  return {
    name,
    check: () =>
      isReady() ? Promise.resolve() : Promise.reject(new Error(`${name} is not connected.`)),
  };
}
