import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ID_BYTES } from '../../src/aggregate/id-fingerprint.ts';
import { generationKeys, shardKeys } from '../../src/aggregate/keys.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { useRedis } from './aggregate-fixture.ts';
import {
  idAt,
  randomIds,
  SHARD,
  steady,
  takeOver,
  WINDOW_SEC,
  type TestAggregator,
} from './seen-fixture.ts';

const SIXTH_SEC = WINDOW_SEC / 6;
const { lease } = shardKeys(SHARD);

let redis: RedisClient;
useRedis((opened) => {
  redis = opened;
});

const idKeys = async (): Promise<string[]> => (await redis.keys(`{${SHARD}}:ids:*`)).sort();

/** Remembers ids in generation 1, and closes it at `SIXTH_SEC`. */
async function withClosed(ids: Buffer): Promise<TestAggregator> {
  const aggregator = await takeOver(redis);
  await aggregator.turn(0);
  await aggregator.take(ids);
  await aggregator.commit();
  await aggregator.turn(SIXTH_SEC);
  return aggregator;
}

/** A client whose functions fail from the `allowed`th call on, after or before they are applied. */
function failingClient(allowed: number, isApplied: boolean): RedisClient {
  let calls = 0;
  const client = Object.create(redis) as RedisClient;
  client.fcall = (async (...args: Parameters<RedisClient['fcall']>) => {
    const isFailing = ++calls > allowed;
    const reply = isFailing && !isApplied ? null : await redis.fcall(...args);
    if (isFailing) throw new Error('connection lost');
    return reply;
  }) as RedisClient['fcall'];
  return client;
}

describe('a generation', () => {
  // Enough for four segments.
  const ids = randomIds(70_000, 1);
  const some = Buffer.concat([0, 1, 999, 69_999].map((index) => idAt(ids, index)));
  const others = randomIds(5_000, 2);

  test('answers the same in use, closed, partly compact, compact, and after a reload of each', async () => {
    let aggregator = await takeOver(redis);
    const check = async (): Promise<void> => {
      expect(await aggregator.take(ids)).toEqual([]);
      const suspects = aggregator.seen.suspects(others);
      expect(suspects ? await aggregator.seen.settle(suspects) : new Set()).toEqual(new Set());
    };
    const checkWithReload = async (): Promise<void> => {
      await check();
      aggregator = await takeOver(redis);
      await check();
    };
    await aggregator.turn(0);
    expect(await aggregator.take(ids)).toHaveLength(70_000);
    await aggregator.commit();
    await checkWithReload();
    await aggregator.turn(SIXTH_SEC);
    await checkWithReload();
    expect(await aggregator.seen.tidy()).toBe(true);
    expect(await aggregator.seen.tidy()).toBe(true);
    await checkWithReload();
    while (await aggregator.seen.tidy());
    await check();
    // The chunks may be dropped only after a commit that says that the generation is compact.
    expect(await idKeys()).toContain(generationKeys(SHARD, 1).chunks);
    expect(aggregator.seen.hasChanged).toBe(true);
    await aggregator.commit();
    await checkWithReload();
    await aggregator.tidyAll();
    expect(await idKeys()).not.toContain(generationKeys(SHARD, 1).chunks);
    await checkWithReload();
    expect(aggregator.seen.idCount).toBe(70_000);
  });

  test.each([true, false])(
    'is compacted and deleted completely after a crash at every call (applied: %s)',
    async (isApplied) => {
      await withClosed(ids);
      /** Crashes at the first call, takes over, crashes at the second ... Returns how often. */
      const tidyWithCrashes = async (check: (aggregator: TestAggregator) => Promise<void>) => {
        for (let allowed = 0; ; allowed++) {
          const aggregator = await takeOver(failingClient(allowed, isApplied));
          await check(aggregator);
          const failure = await aggregator.tidyAll().then(() => undefined, toMessage);
          if (failure === undefined) return allowed;
          expect(failure).toBe('PULSE_REDIS_APPLY');
        }
      };
      const crashes = await tidyWithCrashes(async (aggregator) => {
        expect(await aggregator.take(some)).toEqual([]);
      });
      expect(crashes).toBe(5);
      expect(await idKeys()).toHaveLength(8);
      await (await takeOver(redis)).turn(SIXTH_SEC + WINDOW_SEC);
      expect(await tidyWithCrashes(() => Promise.resolve())).toBe(2);
      expect(await idKeys()).toEqual([]);
      expect((await takeOver(redis)).seen.state).toContain('"dropping":[]');
    },
  );

  test('is neither compacted nor deleted before a commit has stored that it is closed or forgotten', async () => {
    const aggregator = await takeOver(redis);
    await aggregator.turn(0);
    await aggregator.take(some);
    await aggregator.commit();
    aggregator.seen.turn(steady(SIXTH_SEC));
    expect(await aggregator.seen.tidy()).toBe(false);
    expect(await idKeys()).toEqual([generationKeys(SHARD, 1).chunks]);
    await aggregator.commit();
    await aggregator.tidyAll();
    const compacted = await idKeys();
    expect(compacted).toHaveLength(2);
    aggregator.seen.turn(steady(SIXTH_SEC + WINDOW_SEC));
    expect(await aggregator.seen.tidy()).toBe(false);
    expect(await idKeys()).toEqual(compacted);
  });

  test('stores the same when a segment is written twice', async () => {
    const first = await withClosed(ids);
    const second = await takeOver(redis);
    await first.seen.tidy();
    const written = await redis.hgetallBuffer(generationKeys(SHARD, 1).segment(0));
    await second.seen.tidy();
    expect(await redis.hgetallBuffer(generationKeys(SHARD, 1).segment(0))).toEqual(written);
  });
});

describe('an aggregator without the lease', () => {
  test('writes and deletes nothing', async () => {
    const aggregator = await withClosed(randomIds(100, 1));
    const before = await idKeys();
    await redis.set(lease, 'another aggregator');
    await expect(aggregator.seen.tidy()).rejects.toMatchObject({
      code: 'PULSE_REDIS_LEASE',
      retryable: true,
    });
    expect(await idKeys()).toEqual(before);
    await (await takeOver(redis)).tidyAll();
    const forgetful = await takeOver(redis);
    await forgetful.turn(SIXTH_SEC + WINDOW_SEC);
    const compacted = await idKeys();
    await redis.del(lease);
    await expect(forgetful.seen.tidy()).rejects.toMatchObject({ code: 'PULSE_REDIS_LEASE' });
    expect(await idKeys()).toEqual(compacted);
  });

  test('is not told that Redis has lost what the other one deletes while it loads', async () => {
    await withClosed(randomIds(100, 1));
    const { chunks } = generationKeys(SHARD, 1);
    const client = Object.create(redis) as RedisClient;
    client.lrangeBuffer = async () => {
      await redis.multi().set(lease, 'another aggregator').del(chunks).exec();
      return [];
    };
    await expect(takeOver(client)).rejects.toMatchObject({ code: 'PULSE_REDIS_LEASE' });
  });
});

describe('ids that Redis has lost', () => {
  const refusal = { code: 'PULSE_REDIS_SEEN', retryable: false };

  test('stop the next aggregator, whether they were in chunks or in segments', async () => {
    const ids = randomIds(100, 1);
    const aggregator = await withClosed(ids);
    const { chunks, filter } = generationKeys(SHARD, 1);
    const [chunk] = await redis.lrangeBuffer(chunks, 0, -1);
    await redis.lset(chunks, 0, chunk!.subarray(0, -ID_BYTES));
    await expect(takeOver(redis)).rejects.toMatchObject(refusal);
    await aggregator.tidyAll();
    expect(await (await takeOver(redis)).take(ids)).toEqual([]);
    await redis.del(filter(0));
    await expect(takeOver(redis)).rejects.toMatchObject(refusal);
  });
});

describe('an id', () => {
  test('is remembered for a window at least, through any turns, tidying and crashes', async () => {
    const ids = randomIds(12, 9);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ take: fc.array(fc.nat(11), { maxLength: 6 }) }) },
      { weight: 3, arbitrary: fc.record({ passSec: fc.nat(2 * SIXTH_SEC) }) },
      { weight: 1, arbitrary: fc.record({ passSec: fc.nat(3 * WINDOW_SEC) }) },
      { weight: 3, arbitrary: fc.constantFrom('tidy', 'tidy all', 'crash', 'crash uncommitted') },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        await redis.flushdb();
        let nowSec = 0;
        let aggregator = await takeOver(redis, { generationIdsMax: 4 });
        let committed = new Map<number, number>();
        for (const taken of steps) {
          if (typeof taken !== 'string' && 'passSec' in taken) {
            nowSec += taken.passSec;
            await aggregator.turn(nowSec);
          } else if (typeof taken !== 'string') {
            const batch = Buffer.concat(taken.take.map((index) => idAt(ids, index)));
            const news = new Set(await aggregator.take(batch));
            const counted = new Map(committed);
            taken.take.forEach((index, position) => {
              const countedAt = counted.get(index);
              const isNew = news.has(position);
              if (countedAt === undefined) expect(isNew).toBe(true);
              else if (nowSec - countedAt < WINDOW_SEC) expect(isNew).toBe(false);
              if (isNew) counted.set(index, nowSec);
            });
            await aggregator.commit();
            committed = counted;
          } else if (taken === 'tidy') await aggregator.seen.tidy();
          else if (taken === 'tidy all') await aggregator.tidyAll();
          else {
            if (taken === 'crash uncommitted') await aggregator.take(ids);
            aggregator = await takeOver(redis, { generationIdsMax: 4 });
          }
        }
      }),
      { numRuns: 150 },
    );
  });

  test('counted long ago is forgotten, and its keys are deleted', async () => {
    const ids = randomIds(10, 1);
    const aggregator = await withClosed(ids);
    await aggregator.tidyAll();
    await aggregator.turn(SIXTH_SEC + WINDOW_SEC - 1);
    expect(await aggregator.take(ids)).toEqual([]);
    await aggregator.turn(SIXTH_SEC + WINDOW_SEC);
    expect(await aggregator.take(ids)).toHaveLength(10);
    await aggregator.commit();
    await aggregator.tidyAll();
    expect(await idKeys()).toEqual([generationKeys(SHARD, 2).chunks]);
  });

  test('cannot be added between the commit and the turn', async () => {
    const aggregator = await takeOver(redis);
    await aggregator.take(randomIds(1, 1));
    expect(() => aggregator.seen.turn(steady(0))).toThrow('stored before the turn');
  });
});

function toMessage(error: unknown): unknown {
  return (error as { code?: unknown }).code;
}
