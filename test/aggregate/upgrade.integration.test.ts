import { expect, test } from 'vitest';
import { assertNoOldSums, forgetOldIds } from '../../src/aggregate/upgrade.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { applyAll, createTestAccumulator, useRedis } from './aggregate-fixture.ts';

const REFUSED = { code: 'PULSE_REDIS_UPGRADE', retryable: false };

let redis: RedisClient;

useRedis((opened) => {
  redis = opened;
});

/** A sealed batch as the version before left it. */
async function sealOld(): Promise<void> {
  await redis.zadd('{1}:sealed', 1, 'old');
  await redis.hset('{1}:sealed:old', { batch: 'old', pulses: '1' });
}

test('an empty Redis and the sums of this version are not refused', async () => {
  await assertNoOldSums(redis, 2);
  const accumulator = createTestAccumulator(redis, 2);
  const pulses = Array.from({ length: 20 }, (_, index) => parsedPulse({ tenant: `t-${index}` }));
  await applyAll({ accumulator, redis }, pulses);
  for (const shard of [0, 1]) await accumulator.seal(shard);
  await applyAll({ accumulator, redis }, pulses);
  await assertNoOldSums(redis, 2);
});

test('live sums of the version before are refused, in whichever shard', async () => {
  await redis.hset('{1}:live', { batch: 'old', pulses: '1' });
  await expect(assertNoOldSums(redis, 2)).rejects.toMatchObject(REFUSED);
  await expect(assertNoOldSums(redis, 2)).rejects.toThrow('Shard 1');
  await redis.del('{1}:live');
  await assertNoOldSums(redis, 2);
});

test('a sealed batch of the version before is refused until it is flushed', async () => {
  await sealOld();
  await expect(assertNoOldSums(redis, 2)).rejects.toMatchObject(REFUSED);
  await redis.del('{1}:sealed', '{1}:sealed:old');
  await assertNoOldSums(redis, 2);
});

test('old ids are deleted, and nothing else', async () => {
  const ids = Object.fromEntries(
    Array.from({ length: 3_000 }, (_, index) => [`{0}:seen:1:${index}`, 'ids']),
  );
  await redis.mset(ids);
  await redis.hset('{0}:books', { generations: 'packed', counted: '5', duplicates: '2' });
  const kept = { '{0}:ids:1': 'ids', '{1}:seen:1:0': 'of a shard without books of the old form' };
  await redis.mset(kept);
  await forgetOldIds(redis, 2);
  expect((await redis.keys('*')).sort()).toEqual([...Object.keys(kept), '{0}:books'].sort());
  expect(await redis.hgetall('{0}:books')).toEqual({ counted: '5', duplicates: '2' });
  await forgetOldIds(redis, 2);
});
