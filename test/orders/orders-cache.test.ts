import { pino } from 'pino';
import { expect, test } from 'vitest';
import { createOrdersCache } from '../../src/orders/orders-cache.ts';
import type { RedisClient } from '../../src/platform/redis.ts';

test('a Redis that never answers is left alone', async () => {
  let callCount = 0;
  const silent = {
    get: () => {
      callCount += 1;
      return new Promise(() => undefined);
    },
  } as unknown as RedisClient;
  const cache = createOrdersCache(silent, pino({ level: 'silent' }));
  expect(await cache.get('an id', 1)).toBeUndefined();
  expect(await cache.get('an id', 1)).toBeUndefined();
  expect(callCount).toBe(1);
});
