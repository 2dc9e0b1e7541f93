/** Ends a worker whose Redis stops being durable: from then on, a crash of Redis could lose what it counts. */
import { FatalError } from '../core/errors.ts';
import type { Logger } from '../platform/logger.ts';
import type { RedisClient } from '../platform/redis.ts';
import { startWatch, type Watch } from '../platform/watch.ts';
import { assertRedisIsSafe } from './redis-durability.ts';

/** How long a worker may go on counting after somebody has changed a setting. */
const INTERVAL_MS = 5_000;

/** @param options.onFatal Called with PULSE_REDIS_UNSAFE. A Redis that does not answer is no reason to end. */
export function startRedisGuard(
  redis: RedisClient,
  { logger, onFatal }: { readonly logger: Logger; readonly onFatal: (error: Error) => void },
): Pick<Watch<void>, 'close'> {
  return startWatch({
    name: 'redis guard',
    intervalMs: INTERVAL_MS,
    logger,
    look: () =>
      assertRedisIsSafe(redis).catch((error: unknown) => {
        if (!(error instanceof FatalError)) throw error;
        onFatal(error);
      }),
  });
}
