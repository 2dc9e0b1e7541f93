import { expect, test } from 'vitest';
import { ID_BYTES } from '../../src/aggregate/id-fingerprint.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { useRedis } from './aggregate-fixture.ts';
import { randomIds, SHARD, takeOver, WINDOW_SEC } from './seen-fixture.ts';

const COMMIT_BYTES = 4_000 * ID_BYTES;

let redis: RedisClient;
useRedis((opened) => {
  redis = opened;
});

test('a window of 1,000,000 ids takes 20 bytes an id at most, in Redis and in the worker together', async () => {
  const idCount = 1_000_000;
  const ids = randomIds(idCount, 1);
  const aggregator = await takeOver(redis);
  const perGeneration = Math.ceil(ids.length / 7 / ID_BYTES) * ID_BYTES;
  for (let generation = 0; generation < 7; generation++) {
    await aggregator.turn((generation * WINDOW_SEC) / 6);
    await aggregator.tidyAll();
    const own = ids.subarray(generation * perGeneration, (generation + 1) * perGeneration);
    for (let from = 0; from < own.length; from += COMMIT_BYTES) {
      await aggregator.take(own.subarray(from, from + COMMIT_BYTES));
      await aggregator.commit();
    }
  }
  const { seen } = aggregator;
  expect(JSON.parse(seen.state)).toMatchObject({
    list: [...Array.from({ length: 6 }, () => ({ compact: true })), { compact: false }],
    dropping: [],
  });
  expect(seen.idCount).toBe(idCount);

  const usage = redis.pipeline();
  for (const key of await redis.keys(`{${SHARD}}:ids:*`)) usage.memory('USAGE', key, 'SAMPLES', 0);
  const replies = (await usage.exec()) ?? [];
  const redisBytes = replies.reduce((sum, [, bytes]) => sum + Number(bytes), 0);
  expect(redisBytes).toBeGreaterThan(idCount * ID_BYTES);
  expect((redisBytes + seen.memoryBytes) / idCount).toBeLessThanOrEqual(20);

  const reloaded = await takeOver(redis);
  expect(reloaded.seen.idCount).toBe(idCount);
  expect(Math.abs(reloaded.seen.memoryBytes - seen.memoryBytes)).toBeLessThan(200_000);
  expect(await reloaded.take(ids.subarray(0, COMMIT_BYTES))).toEqual([]);
});
