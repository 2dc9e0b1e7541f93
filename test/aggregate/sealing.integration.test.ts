import { describe, expect, test } from 'vitest';
import type { Accumulator } from '../../src/aggregate/accumulator.ts';
import { shardKeys } from '../../src/aggregate/keys.ts';
import { fromSumField } from '../../src/aggregate/sum-field.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { applyAll, createTestAccumulator, readSums, useRedis } from './aggregate-fixture.ts';
import { fromChunk } from '../support/sum-texts.ts';

const HOUR = 3_600;
const AT = 490_000 * HOUR;

let redis: RedisClient;
let accumulator: Accumulator;

useRedis((opened) => {
  redis = opened;
  accumulator = createTestAccumulator(redis);
});

const apply = (pulses: readonly Pulse[]) => applyAll({ accumulator, redis }, pulses);
const pulseAt = (windowStartSec: number, id?: string) => parsedPulse({ windowStartSec, id });

describe('seal', () => {
  test('of nothing is null and writes nothing', async () => {
    expect(await accumulator.seal(0)).toBeNull();
    expect(await redis.keys('*')).toEqual([]);
  });

  test('after only duplicates is null', async () => {
    await apply([pulseAt(AT, 'p')]);
    await accumulator.seal(0);
    await apply([pulseAt(AT, 'p')]);
    expect(await accumulator.seal(0)).toBeNull();
  });

  test('moves the live sums to the batch id that they have had since the first write', async () => {
    await apply([pulseAt(AT), pulseAt(AT), pulseAt(AT + HOUR)]);
    const { live } = await accumulator.readBooks(0);
    await apply([pulseAt(AT - HOUR)]);
    const nowSec = Number((await redis.time())[0]);
    const sealed = await accumulator.seal(0);
    expect(sealed).toEqual({
      batchId: live?.batchId,
      shard: 0,
      rowCount: 3,
      pulseCount: 4n,
      amount: expect.stringMatching(/^\d+(\.\d+)?$/) as string,
      windowMinSec: AT - HOUR,
      windowMaxSec: AT + HOUR,
      openedAtSec: live?.openedAtSec,
    });
    expect(sealed?.batchId).toMatch(/^[0-9a-f-]{36}$/);
    expect(Math.abs((sealed?.openedAtSec ?? 0) - nowSec)).toBeLessThan(10);
    expect((await accumulator.readBooks(0)).live).toBeNull();
    expect(await redis.exists(shardKeys(0).live)).toBe(0);
  });

  test('the next pulse opens another batch', async () => {
    await apply([pulseAt(AT)]);
    const first = await accumulator.seal(0);
    await apply([pulseAt(AT)]);
    const second = await accumulator.seal(0);
    expect(second?.batchId).not.toBe(first?.batchId);
    expect(second).toMatchObject({ pulseCount: 1n, rowCount: 1 });
  });

  test('leftovers are listed, oldest first, until each is discarded', async () => {
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      await apply([pulseAt(AT + count * HOUR)]);
      // The clock of this test: one second between two batches.
      await redis.hset(shardKeys(0).live, 'opened_at', String(1_000 - count));
      ids.unshift((await accumulator.seal(0))!.batchId);
    }
    expect((await accumulator.listSealed(0)).map(({ batchId }) => batchId)).toEqual(ids);
    await accumulator.discardSealed({ shard: 0, batchId: ids[1]! });
    expect((await accumulator.listSealed(0)).map(({ batchId }) => batchId)).toEqual([
      ids[0],
      ids[2],
    ]);
  });

  test('no row is outside the header’s windows, which cover all batches of pulses', async () => {
    await apply([pulseAt(AT, 'a')]);
    await apply([pulseAt(AT + 3 * HOUR, 'b'), pulseAt(AT - HOUR, 'c')]);
    await apply([pulseAt(AT + HOUR, 'd')]);
    expect(await accumulator.seal(0)).toMatchObject({
      windowMinSec: AT - HOUR,
      windowMaxSec: AT + 3 * HOUR,
    });
  });
});

describe('discardSealed', () => {
  test('removes the sums and the entry, and may be repeated', async () => {
    await apply([pulseAt(AT)]);
    const batch = await accumulator.seal(0);
    await accumulator.discardSealed(batch!);
    await accumulator.discardSealed(batch!);
    expect(await accumulator.listSealed(0)).toEqual([]);
    expect(await redis.keys('*:sealed*')).toEqual([]);
    expect(await readSums(accumulator, batch!)).toEqual(new Map());
  });

  test('changes neither the live sums nor another batch', async () => {
    await apply([pulseAt(AT)]);
    const first = await accumulator.seal(0);
    await apply([pulseAt(AT), pulseAt(AT)]);
    const second = await accumulator.seal(0);
    await apply([pulseAt(AT)]);
    await accumulator.discardSealed(first!);
    expect(await accumulator.readBooks(0)).toMatchObject({
      live: { pulseCount: 1n },
      sealed: [{ batchId: second?.batchId, pulseCount: 2n }],
    });
  });
});

describe('readBooks', () => {
  test('is all 0 for an unused shard', async () => {
    expect(await accumulator.readBooks(3)).toEqual({
      shard: 3,
      epoch: null,
      appended: 0n,
      journalled: 0n,
      journalBytes: 0,
      journalSinceMs: null,
      isLeased: false,
      counted: 0n,
      duplicates: 0n,
      live: null,
      sealed: [],
      seenIdCount: 0,
    });
  });

  test('balances at any moment: counted is live, sealed and discarded together', async () => {
    let discarded = 0n;
    for (let round = 0; round < 6; round++) {
      const pulses = Array.from({ length: round + 1 }, (_, index) =>
        pulseAt(AT, `p-${round + index}`),
      );
      await apply(pulses);
      if (round % 2 === 1) await accumulator.seal(0);
      if (round === 3) {
        const [oldest] = await accumulator.listSealed(0);
        discarded += oldest!.pulseCount;
        await accumulator.discardSealed(oldest!);
      }
      const { counted, duplicates, live, sealed } = await accumulator.readBooks(0);
      const held = sealed.reduce((sum, { pulseCount }) => sum + pulseCount, live?.pulseCount ?? 0n);
      expect(counted).toBe(held + discarded);
      expect(counted + duplicates).toBe(BigInt(((round + 1) * (round + 2)) / 2));
    }
  });

  test('keeps numbers beyond 2⁵³ exact', async () => {
    const many = '9007199254740993';
    await redis.hset(shardKeys(0).books, { appended: many, counted: many });
    await apply([pulseAt(AT)]);
    await redis.hset(shardKeys(0).live, 'pulses', many);
    const { counted, live } = await accumulator.readBooks(0);
    expect([counted, live?.pulseCount]).toEqual([9_007_199_254_740_994n, 9_007_199_254_740_993n]);
    expect((await accumulator.seal(0))?.pulseCount).toBe(9_007_199_254_740_993n);
  });

  test('a sealed batch whose hash was removed is still listed, as empty', async () => {
    await apply([pulseAt(AT)]);
    const batch = await accumulator.seal(0);
    await redis.del(shardKeys(0).sealedPrefix + batch!.batchId);
    expect(await accumulator.listSealed(0)).toMatchObject([
      { batchId: batch?.batchId, rowCount: 0, pulseCount: 0n },
    ]);
  });
});

describe('probe', () => {
  test('writes no pulse and opens no batch', async () => {
    await accumulator.probe(0);
    expect(await accumulator.readBooks(0)).toMatchObject({
      counted: 0n,
      duplicates: 0n,
      live: null,
    });
    await apply([pulseAt(AT)]);
    const before = await accumulator.readBooks(0);
    await accumulator.probe(0);
    expect(await accumulator.readBooks(0)).toEqual(before);
  });
});

describe('readSums', () => {
  test('streams a large batch in parts, each row with its key as it was sent', async () => {
    const keys = Array.from({ length: 10_000 }, (_, index) =>
      parsedPulse({ tenant: `a:b|c"😀 ${index}`, windowStartSec: AT }),
    );
    await apply(keys);
    const batch = await accumulator.seal(0);
    let pieces = 0;
    const tenants = new Set<string>();
    for await (const chunk of accumulator.readSums(batch!)) {
      const texts = fromChunk(chunk);
      pieces++;
      for (let at = 0; at < texts.length; at += 2) tenants.add(fromSumField(texts[at]!).tenant);
    }
    expect(pieces).toBeGreaterThan(1);
    expect(tenants).toEqual(new Set(keys.map(({ tenant }) => tenant)));
  });
});
