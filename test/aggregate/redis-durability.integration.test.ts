import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { assertRedisIsSafe, checkRedisDurability } from '../../src/aggregate/redis-durability.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';

const SAFE = {
  appendonly: 'yes',
  appendfsync: 'always',
  'no-appendfsync-on-rewrite': 'no',
  'maxmemory-policy': 'noeviction',
};

let server: PrivateRedis;
let redis: Redis;

beforeAll(async () => {
  server = await startPrivateRedis();
  redis = new Redis(server.url);
});

afterAll(async () => {
  redis.disconnect();
  await server.close();
});

beforeEach(async () => {
  for (const [name, value] of Object.entries(SAFE)) await redis.config('SET', name, value);
});

test('a durable Redis without eviction is safe', async () => {
  await expect(assertRedisIsSafe(redis)).resolves.toBeUndefined();
});

test.each([
  ['appendonly', 'no'],
  ['appendfsync', 'everysec'],
  ['appendfsync', 'no'],
  ['no-appendfsync-on-rewrite', 'yes'],
  ['maxmemory-policy', 'allkeys-lru'],
])('%s %s is refused, and the override is named', async (name, value) => {
  await redis.config('SET', name, value);
  const findings = await checkRedisDurability(redis);
  expect(findings.filter(({ status }) => status === 'danger')).toHaveLength(1);
  await expect(assertRedisIsSafe(redis)).rejects.toMatchObject({
    code: 'PULSE_REDIS_UNSAFE',
    message: expect.stringMatching(new RegExp(`"${value}"[^]*ALLOW_UNSAFE_REDIS`)) as string,
  });
});

test.each([
  ['appendonly', 'no', 'appendonly yes'],
  ['maxmemory-policy', 'allkeys-lru', 'maxmemory-policy noeviction'],
])('%s %s is refused by what INFO shows where CONFIG is forbidden', async (name, value, advice) => {
  await redis.config('SET', name, value);
  await redis.acl('SETUSER', 'managed', 'on', '>secret', '~*', '+@all', '-config');
  const managed = new Redis(server.url, { username: 'managed', password: 'secret' });
  onTestFinished(() => {
    managed.disconnect();
  });
  expect(await checkRedisDurability(managed)).toContainEqual(
    expect.objectContaining({
      status: 'danger',
      detail: expect.stringContaining(advice) as string,
    }),
  );
});

test('a server that repairs a damaged file by cutting it off is refused', async () => {
  // The setting exists since Redis 8.4; this server imitates it.
  const newer = new Proxy(redis, {
    get(target, property) {
      if (property !== 'config') return Reflect.get(target, property) as unknown;
      return (action: 'GET', name: string) =>
        name === 'aof-load-corrupt-tail-max-size'
          ? Promise.resolve([name, '1024'])
          : target.config(action, name);
    },
  });
  const [danger] = (await checkRedisDurability(newer)).filter(({ status }) => status === 'danger');
  expect(danger?.detail).toContain('Set aof-load-corrupt-tail-max-size 0');
});

test('a Redis that does not answer is not reported as unsafe', async () => {
  const unavailable = new Redis(server.url, { lazyConnect: true, enableOfflineQueue: false });
  await expect(assertRedisIsSafe(unavailable)).rejects.toMatchObject({ retryable: true });
  unavailable.disconnect();
});
