import { describe, expect, test } from 'vitest';
import type { Accumulator } from '../../src/aggregate/accumulator.ts';
import { shardKeys } from '../../src/aggregate/keys.ts';
import { bucketOf, toSumField } from '../../src/aggregate/sum-field.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { foldJournals } from '../../bench/fold-journals.ts';
import { parsedPulse } from '../support/pulses.ts';
import {
  appendAll,
  applyAll,
  createTestAccumulator,
  entryOf,
  useRedis,
} from './aggregate-fixture.ts';

const HOUR = 3_600;
const AT = 490_000 * HOUR;
const KEYS = shardKeys(0);

let redis: RedisClient;
let accumulator: Accumulator;

useRedis((opened) => {
  redis = opened;
  accumulator = createTestAccumulator(redis);
});

const withIds = (...ids: string[]) => ids.map((id) => parsedPulse({ id, windowStartSec: AT }));
const apply = (pulses: readonly Pulse[], secret?: string) =>
  applyAll({ accumulator, redis }, pulses, secret);

/** Everything in Redis, to check that nothing was written. */
async function contents(): Promise<Record<string, string>> {
  const keys = (await redis.keys('*')).sort();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return Object.fromEntries(keys.map((key, index) => [key, dumps[index]?.toString('hex') ?? '']));
}

describe('counting', () => {
  test('the same batch twice is counted once', async () => {
    const batch = withIds('p-1', 'p-2', 'p-3');
    expect(await apply(batch)).toEqual({ counted: 3, duplicates: 0 });
    const { live } = await accumulator.readBooks(0);
    expect(await apply(batch)).toEqual({ counted: 0, duplicates: 3 });
    expect((await accumulator.readBooks(0)).live).toEqual(live);
  });

  test('a batch that was sealed in between is not counted again either', async () => {
    await apply(withIds('p-1'));
    await accumulator.seal(0);
    expect(await apply(withIds('p-1'))).toEqual({ counted: 0, duplicates: 1 });
    expect(await accumulator.seal(0)).toBeNull();
  });

  test('pulses without any id are counted each time, with others of the same key', async () => {
    const anonymous = [parsedPulse(), ...withIds('p-1'), parsedPulse(), ...withIds('p-1')];
    expect(await apply(anonymous)).toEqual({ counted: 3, duplicates: 1 });
    expect(await apply(anonymous)).toEqual({ counted: 2, duplicates: 2 });
  });

  test('the same id from another tenant is another pulse', async () => {
    const pulses = [parsedPulse({ id: 'p' }), parsedPulse({ id: 'p', tenant: 'other' })];
    expect(await apply(pulses)).toMatchObject({ counted: 2 });
  });

  test('another secret does not recognise the ids of the first', async () => {
    await apply(withIds('p-1'), 'one secret');
    expect(await apply(withIds('p-1'), 'another')).toMatchObject({ counted: 1 });
  });

  test('shards are independent of each other', async () => {
    const two = createTestAccumulator(redis, 2);
    for (const shard of [0, 1]) await two.append(shard, 1, entryOf(withIds('p-1')));
    await foldJournals(redis, 2);
    expect((await two.readBooks(0)).counted).toBe(1n);
    expect((await two.readBooks(1)).counted).toBe(1n);
  });

  test('what is appended is in the books before it is counted', async () => {
    await appendAll(accumulator, withIds('p-1', 'p-2'));
    expect(await accumulator.readBooks(0)).toMatchObject({
      appended: 2n,
      journalled: 2n,
      journalBytes: entryOf(withIds('p-1', 'p-2')).length,
      counted: 0n,
      live: null,
    });
    await foldJournals(redis, 1);
    expect(await accumulator.readBooks(0)).toMatchObject({
      appended: 2n,
      journalled: 0n,
      journalBytes: 0,
      counted: 2n,
      live: { pulseCount: 2n },
      seenIdCount: 2,
    });
  });
});

describe('a question about one tenant', () => {
  async function search(tenants: readonly string[] | undefined) {
    const { live } = await accumulator.readBooks(0);
    const rows: string[] = [];
    let steps = 0;
    let cursor: Parameters<Accumulator['readMatching']>[1]['cursor'];
    do {
      const found = await accumulator.readMatching(live!, { cursor, filter: { tenants } });
      steps += 1;
      rows.push(...found!.rows.map(({ tenant }) => tenant));
      cursor = found?.cursor;
    } while (cursor !== undefined);
    return { rows, steps };
  }

  test('looks into the bucket of that tenant only', async () => {
    const tenants = Array.from({ length: 8_000 }, (_, index) => `tenant é\\ ${index}`);
    await apply(tenants.map((tenant) => parsedPulse({ tenant, windowStartSec: AT })));
    const asked = tenants[4_000]!;
    const own = bucketOf(
      Buffer.from(toSumField(parsedPulse({ tenant: asked }))).toString('latin1'),
    );
    // Reading any other bucket would fail on its type.
    for (let bucket = 0; bucket < 32; bucket++) {
      if (bucket === own) continue;
      await redis.del(`${KEYS.live}:${bucket}`);
      await redis.set(`${KEYS.live}:${bucket}`, 'not to be read');
    }
    expect(await redis.hlen(`${KEYS.live}:${own}`)).toBeGreaterThan(100);
    const batchId = (await redis.hget(KEYS.live, 'batch'))!;
    const found = await accumulator.readMatching(
      { shard: 0, batchId },
      { cursor: undefined, filter: { tenants: [asked] } },
    );
    expect(found).toMatchObject({ cursor: undefined, rows: [{ tenant: asked }] });
  });

  test('takes one step, one about all tenants as many as it needs', async () => {
    const tenants = Array.from({ length: 8_000 }, (_, index) => `tenant ${index}`);
    await apply(tenants.map((tenant) => parsedPulse({ tenant, windowStartSec: AT })));
    expect(await search(['tenant 7'])).toEqual({ rows: ['tenant 7'], steps: 1 });
    const all = await search(undefined);
    expect(new Set(all.rows)).toEqual(new Set(tenants));
    expect(all.steps).toBeGreaterThan(3);
    expect((await search(['tenant 7', 'tenant 8'])).rows.sort()).toEqual(['tenant 7', 'tenant 8']);
  });
});

describe('when Redis contains a key that is not from Pulse', () => {
  const entry = entryOf(withIds('p-1', 'p-2'));
  const stopped = { code: 'PULSE_REDIS_LIBRARY', retryable: false };

  test('a journal of another type stops the append before anything is written', async () => {
    await redis.set(KEYS.journal, 'sabotage');
    const before = await contents();
    await expect(accumulator.append(0, 2, entry)).rejects.toMatchObject(stopped);
    expect(await contents()).toEqual(before);
  });

  test('books of another type stop it too', async () => {
    await redis.set(KEYS.books, 'sabotage');
    const before = await contents();
    await expect(accumulator.append(0, 2, entry)).rejects.toThrow('failed in Redis');
    expect(await contents()).toEqual(before);
  });

  test.each([KEYS.live, `${KEYS.live}:0`])(
    '%s of another type stops the fold, and nothing is counted',
    async (key) => {
      await accumulator.append(0, 2, entry);
      await redis.set(key, 'sabotage');
      const before = await contents();
      await expect(foldJournals(redis, 1)).rejects.toMatchObject(stopped);
      expect(await contents()).toEqual(before);
      await redis.del(key);
      await foldJournals(redis, 1);
      expect(await accumulator.readBooks(0)).toMatchObject({ counted: 2n, journalled: 0n });
    },
  );

  test('an index of another type stops the seal before the live sums are moved', async () => {
    await apply(withIds('p-1'));
    await redis.set(KEYS.sealedIndex, 'sabotage');
    const before = await contents();
    await expect(accumulator.seal(0)).rejects.toThrow('failed in Redis');
    expect(await contents()).toEqual(before);
  });
});
