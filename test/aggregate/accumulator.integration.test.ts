import { describe, expect, test } from 'vitest';
import type { Accumulator } from '../../src/aggregate/accumulator.ts';
import { shardKeys, toField } from '../../src/aggregate/keys.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse, toAmount } from '../support/pulses.ts';
import { createTestAccumulator, foldOf, readSums, useRedis } from './aggregate-fixture.ts';

const HOUR = 3_600;
const AT = 490_000 * HOUR;
const NANOS = 10n ** 9n;
const KEYS = shardKeys(0);

let redis: RedisClient;
let accumulator: Accumulator;

useRedis((opened) => {
  redis = opened;
  accumulator = createTestAccumulator(redis);
});

const withIds = (...ids: string[]) => ids.map((id) => parsedPulse({ id, windowStartSec: AT }));

/** Everything in Redis, to check that nothing was written. */
async function contents(): Promise<Record<string, string>> {
  const keys = (await redis.keys('*')).sort();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return Object.fromEntries(keys.map((key, index) => [key, dumps[index]?.toString('hex') ?? '']));
}

describe('applying', () => {
  test('the same batch twice is counted once', async () => {
    const batch = foldOf(withIds('p-1', 'p-2', 'p-3'));
    expect(await accumulator.apply(0, batch)).toEqual({ counted: 3, duplicates: 0, refused: [] });
    const live = await redis.hgetallBuffer(KEYS.live);
    expect(await accumulator.apply(0, batch)).toEqual({ counted: 0, duplicates: 3, refused: [] });
    expect(await redis.hgetallBuffer(KEYS.live)).toEqual(live);
  });

  test('a batch that was sealed in between is not counted again either', async () => {
    const batch = foldOf(withIds('p-1'));
    await accumulator.apply(0, batch);
    await accumulator.seal(0);
    expect(await accumulator.apply(0, batch)).toMatchObject({ counted: 0, duplicates: 1 });
    expect(await accumulator.seal(0)).toBeNull();
  });

  test('pulses without any id are counted each time, with others of the same key', async () => {
    const anonymous = [parsedPulse(), ...withIds('p-1'), parsedPulse(), ...withIds('p-1')];
    expect(await accumulator.apply(0, foldOf(anonymous))).toMatchObject({
      counted: 3,
      duplicates: 1,
    });
    expect(await accumulator.apply(0, foldOf(anonymous))).toMatchObject({
      counted: 2,
      duplicates: 2,
    });
  });

  test('the same id from another tenant is another pulse', async () => {
    const pulses = [parsedPulse({ id: 'p' }), parsedPulse({ id: 'p', tenant: 'other' })];
    expect(await accumulator.apply(0, foldOf(pulses))).toMatchObject({ counted: 2 });
  });

  test('another secret does not recognise the ids of the first', async () => {
    await accumulator.apply(0, foldOf(withIds('p-1'), 'one secret'));
    expect(await accumulator.apply(0, foldOf(withIds('p-1'), 'another'))).toMatchObject({
      counted: 1,
    });
  });

  test('shards are independent of each other', async () => {
    await accumulator.apply(0, foldOf(withIds('p-1')));
    expect(await accumulator.apply(1, foldOf(withIds('p-1')))).toMatchObject({ counted: 1 });
    expect((await accumulator.readBooks(0)).counted).toBe(1n);
  });
});

describe('a sum beyond int64', () => {
  const fill = (sku: string) =>
    Array.from({ length: 9_223 }, () =>
      parsedPulse({ sku, windowStartSec: AT, amount: { whole: 1e15 - 1, nano: 999_999_999 } }),
    );
  const withAmount = (nanos: bigint, id: string, sku = 'full') =>
    parsedPulse({ id, sku, windowStartSec: AT, amount: toAmount(nanos) });
  // 9,223 × (10¹⁵ - 10⁻⁹) leaves room for 36,854,775,807 and a fraction.
  const room = 2n ** 63n * NANOS - 1n - 9_223n * (10n ** 24n - 1n);

  test('refuses the pulse that would cause it, and counts the rest of the batch', async () => {
    await accumulator.apply(0, foldOf(fill('full')));
    const batch = foldOf([
      withAmount(NANOS, 'other-key', 'other'),
      withAmount(room + 1n, 'too-much'),
      withAmount(room, 'fits-exactly'),
      withAmount(1n, 'no-room-left'),
      withAmount(room + 1n, 'too-much'),
    ]);
    expect(await accumulator.apply(0, batch)).toEqual({
      counted: 2,
      duplicates: 0,
      refused: [1, 3, 4],
    });
    const sealed = await accumulator.seal(0);
    const sums = await readSums(accumulator, sealed!);
    expect(sums.get(toField(withAmount(1n, 'x')))).toEqual({
      nanos: 2n ** 63n * NANOS - 1n,
      count: 9_224,
    });
    expect(sealed?.pulseCount).toBe(9_225n);
  });

  test('does not remember the refused id: after a flush the pulse can be sent again', async () => {
    await accumulator.apply(0, foldOf(fill('full')));
    const late = foldOf([withAmount(room + 1n, 'late')]);
    expect(await accumulator.apply(0, late)).toMatchObject({ counted: 0, refused: [0] });
    await accumulator.seal(0);
    expect(await accumulator.apply(0, late)).toEqual({ counted: 1, duplicates: 0, refused: [] });
  });

  test('that a single batch would cause leaves the sum unchanged', async () => {
    await accumulator.apply(0, foldOf(fill('full')));
    const live = await redis.hgetallBuffer(KEYS.live);
    const before = await accumulator.readBooks(0);
    await accumulator.apply(0, foldOf([withAmount(room + 1n, 'late')]));
    expect(await redis.hgetallBuffer(KEYS.live)).toEqual(live);
    expect(await accumulator.readBooks(0)).toEqual(before);
  });

  test('a duplicate is recognised and takes no space, however full the sum is', async () => {
    await accumulator.apply(0, foldOf([...fill('full'), withAmount(room - 5n, 'p-1')]));
    const batch = foldOf([
      withAmount(room - 5n, 'p-1'),
      withAmount(5n, 'p-2'),
      withAmount(5n, 'p-2'),
    ]);
    expect(await accumulator.apply(0, batch)).toEqual({ counted: 1, duplicates: 2, refused: [] });
  });
});

describe('when Redis contains a key that is not from Pulse', () => {
  const batch = foldOf(withIds('p-1', 'p-2'));

  test('a live key of another type stops the apply before anything is written', async () => {
    await redis.set(KEYS.live, 'sabotage');
    const before = await contents();
    await expect(accumulator.apply(0, batch)).rejects.toMatchObject({
      code: 'PULSE_REDIS_LIBRARY',
      retryable: false,
    });
    expect(await contents()).toEqual(before);
  });

  test('books of another type stop it too', async () => {
    await redis.set(KEYS.books, 'sabotage');
    const before = await contents();
    await expect(accumulator.apply(0, batch)).rejects.toThrow('failed in Redis');
    expect(await contents()).toEqual(before);
  });

  test('a bucket of another type in the middle of the batch leaves nothing half-written', async () => {
    await accumulator.apply(0, batch);
    const seen = await redis.keys(`${KEYS.seenPrefix}*`);
    await redis.flushdb();
    await accumulator.apply(0, foldOf(withIds('before')));
    await redis.set(seen[0]!, 'sabotage');
    const before = await contents();
    for (const ids of [
      ['p-1', 'p-2'],
      ['p-2', 'p-1'],
      ['p-3', 'p-1', 'p-4', 'p-2'],
    ]) {
      await expect(accumulator.apply(0, foldOf(withIds(...ids)))).rejects.toThrow(
        'failed in Redis',
      );
      expect(await contents()).toEqual(before);
    }
    await redis.del(seen[0]!);
    expect(await accumulator.apply(0, batch)).toEqual({ counted: 2, duplicates: 0, refused: [] });
  });

  test('an index of another type stops the seal before the live sums are moved', async () => {
    await accumulator.apply(0, batch);
    await redis.set(KEYS.sealedIndex, 'sabotage');
    const before = await contents();
    await expect(accumulator.seal(0)).rejects.toThrow('failed in Redis');
    expect(await contents()).toEqual(before);
  });
});
