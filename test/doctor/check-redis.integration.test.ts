import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { checkRedis } from '../../src/doctor/check-redis.ts';
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

test('a Redis that refuses writes after a failed snapshot, or without memory, is a danger', async () => {
  // A snapshot cannot replace a folder that is not empty.
  const server = await startPrivateRedis({ save: '3600 1', dbfilename: 'appendonlydir' });
  const redis = new Redis(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.close();
  });
  const writes = async () => (await checkRedis(redis)).find(({ name }) => name === 'redis writes');
  expect(await writes()).toMatchObject({ status: 'ok' });

  await redis.config('SET', 'maxmemory', '1');
  expect(await writes()).toMatchObject({
    status: 'danger',
    detail: expect.stringContaining('(OOM), so nothing is counted') as string,
  });
  await redis.config('SET', 'maxmemory', '0');

  await redis.bgsave();
  await vi.waitFor(async () => {
    expect(await redis.info('persistence')).toContain('rdb_last_bgsave_status:err');
  });
  await expect(redis.set('key', 'value')).rejects.toThrow('MISCONF');
  expect(await writes()).toMatchObject({
    status: 'danger',
    detail: expect.stringContaining('(MISCONF), so nothing is counted') as string,
  });
});

test('a Redis that does not rewrite its append-only file is a warning', async () => {
  const server = await startPrivateRedis();
  const redis = new Redis(server.url);
  onTestFinished(async () => {
    redis.disconnect();
    await server.close();
  });
  const rewrites = async () =>
    (await checkRedis(redis)).find(({ name }) => name === 'redis rewrites');
  expect(await rewrites()).toMatchObject({ status: 'ok' });
  await redis.config('SET', 'auto-aof-rewrite-percentage', '0');
  expect(await rewrites()).toMatchObject({ status: 'warning' });
});
