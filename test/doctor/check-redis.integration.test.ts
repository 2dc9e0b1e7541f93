import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { checkRedis } from '../../src/doctor/check-servers.ts';
import { startPrivateRedis } from '../support/private-redis.ts';

test('a Redis with too few replicas to take writes is a danger', async () => {
  const server = await startPrivateRedis();
  const redis = new Redis(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.close();
  });
  const replicas = async () =>
    (await checkRedis(redis)).filter(({ name }) => name === 'redis replicas');
  expect(await replicas()).toEqual([]);
  await redis.config('SET', 'min-replicas-to-write', '1');
  expect(await replicas()).toEqual([
    {
      name: 'redis replicas',
      status: 'danger',
      detail: expect.stringContaining(
        '0 of 1 required are in sync: Redis takes no writes',
      ) as string,
    },
  ]);
});
