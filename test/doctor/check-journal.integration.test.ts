import { expect, test } from 'vitest';
import type { Accumulator } from '../../src/aggregate/accumulator.ts';
import { shardKeys } from '../../src/aggregate/keys.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { checkJournal } from '../../src/doctor/check-journal.ts';
import { appendAll, createTestAccumulator, useRedis } from '../aggregate/aggregate-fixture.ts';
import { parsedPulse } from '../support/pulses.ts';

const APART_MS = 10;

let redis: RedisClient;
let accumulator: Accumulator;

useRedis((opened) => {
  redis = opened;
  accumulator = createTestAccumulator(redis);
});

/** Appends a pulse after an entry from a clock that was an hour ahead. */
async function appendAfterJump() {
  const { journal } = shardKeys(0);
  const id = await redis.xadd(journal, `${Date.now() + 3_600_000}-0`, 'b', '');
  await redis.xdel(journal, id!);
  await appendAll(accumulator, [parsedPulse({})]);
}

test('a journal that nobody folds after a jump of the clock is a danger', async () => {
  await appendAfterJump();
  expect(await checkJournal(accumulator, APART_MS)).toMatchObject({
    status: 'danger',
    detail: expect.stringContaining('1 pulses are not in the sums yet') as string,
  });
});

test('a journal whose lease is taken between two looks is not', async () => {
  await appendAfterJump();
  const readBooks = async (shard: number) => {
    const books = await accumulator.readBooks(shard);
    await redis.set(shardKeys(shard).lease, 'token');
    return books;
  };
  const { shards } = accumulator;
  expect(await checkJournal({ shards, readBooks }, APART_MS)).toMatchObject({ status: 'ok' });
});

test('a journal that was appended to just now is not', async () => {
  await appendAll(accumulator, [parsedPulse({})]);
  expect(await checkJournal(accumulator, APART_MS)).toMatchObject({ status: 'ok' });
});
