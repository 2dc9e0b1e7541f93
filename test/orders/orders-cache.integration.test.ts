import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOrdersCache } from '../../src/orders/orders-cache.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

let services: IsolatedServices;
let redis: Redis;

beforeAll(async () => {
  services = await isolatedServices();
  redis = new Redis(services.redisUrl);
});
afterAll(async () => {
  await redis.quit();
  await services.close();
});

test('however many orders are read, those of five minutes have a limit in Redis', async () => {
  const cache = createOrdersCache(redis, pino({ level: 'silent' }), 10_000);
  const answer = JSON.stringify('ä'.repeat(500));
  for (let id = 0; id < 100; id += 1) cache.put(String(id), 1, answer);
  // 1,002 bytes each, and what an entry takes.
  expect(await redis.dbsize()).toBe(7);
  expect(await cache.get('6', 1)).toBe(answer);
  expect(await cache.get('7', 1)).toBeUndefined();
  expect(await redis.ttl('pulse:order:6:1')).toBeGreaterThan(0);
});
