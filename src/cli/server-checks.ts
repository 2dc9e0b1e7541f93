/** Readiness checks that several parts share. */
import type { ReadinessCheck } from '../platform/health.ts';
import { pingRedis } from '../platform/redis.ts';
import type { Clients } from './clients.ts';

/**
 * Checks that send a command to the server.
 *
 * @param options.probe What else Redis must be able to do, such as take a write.
 */
export function serverChecks({
  redis,
  pool,
  probe,
}: Pick<Clients, 'redis' | 'pool'> & { probe?: () => Promise<void> }): ReadinessCheck[] {
  const askRedis = async (): Promise<void> => {
    await pingRedis(redis);
    await probe?.();
  };
  const askPostgres = async (): Promise<void> => {
    await pool.query('SELECT 1');
  };
  return [
    { name: 'redis', check: askRedis },
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
