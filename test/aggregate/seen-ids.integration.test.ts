import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Accumulator } from '../../src/aggregate/accumulator.ts';
import { shardKeys } from '../../src/aggregate/keys.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { parsedPulse } from '../support/pulses.ts';
import { createTestAccumulator, foldOf, useRedis } from './aggregate-fixture.ts';

const WINDOW_SEC = 10_000;
const KEYS = shardKeys(0);

let redis: RedisClient;
let accumulator: Accumulator;

useRedis((opened) => {
  redis = opened;
  accumulator = createTestAccumulator(redis, 1, WINDOW_SEC);
});

/** Applies one pulse for each id; true for each that was new. */
async function areNew(...ids: string[]): Promise<boolean[]> {
  const news: boolean[] = [];
  for (const id of ids) {
    const { counted, duplicates } = await accumulator.apply(0, foldOf([parsedPulse({ id })]));
    expect(counted + duplicates).toBe(1);
    news.push(counted === 1);
  }
  return news;
}

const isNew = async (id: string): Promise<boolean> => (await areNew(id))[0]!;

/** Edits the packed state of the generations; `change` is Lua that runs for each `generation` of `state`. */
async function editGenerations(change: string, argument = 0): Promise<void> {
  await redis.eval(
    `local state = cmsgpack.unpack(redis.call('HGET', KEYS[1], 'generations'))
     for _, generation in ipairs(state.list) do ${change} end
     redis.call('HSET', KEYS[1], 'generations', cmsgpack.pack(state))`,
    1,
    KEYS.books,
    String(argument),
  );
}

/** Simulates that `seconds` have passed, by making everything remembered that much older. */
const passTime = (seconds: number): Promise<void> =>
  editGenerations(
    `generation[3] = generation[3] - ARGV[1]
     if generation[5] ~= 0 then generation[5] = generation[5] - ARGV[1] end`,
    seconds,
  );

const bucketsOf = (generation: number): Promise<string[]> =>
  redis.keys(`${KEYS.seenPrefix}${generation}:*`);

describe('an id is remembered', () => {
  test('for a whole window, also if it was added just before its generation was closed', async () => {
    await areNew('first');
    await passTime(WINDOW_SEC - 5);
    expect(await areNew('late', 'first')).toEqual([true, false]);
    await passTime(5);
    expect(await areNew('closes', 'late', 'first')).toEqual([true, false, false]);
    await passTime(WINDOW_SEC - 5);
    expect(await areNew('late', 'closes')).toEqual([false, false]);
  });

  test('until its generation has been closed for a window', async () => {
    await areNew('old');
    await passTime(WINDOW_SEC);
    await areNew('young');
    await passTime(WINDOW_SEC);
    expect(await areNew('young', 'old')).toEqual([false, true]);
  });

  test('for at least the window, however much time passes between pulses', async () => {
    const step = fc.record({
      seconds: fc.oneof(fc.nat(WINDOW_SEC / 4), fc.nat(3 * WINDOW_SEC)),
      id: fc.constantFrom('a', 'b', 'c', 'd'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        await redis.flushdb();
        await areNew('start');
        const countedAt = new Map<string, number>();
        let now = 0;
        for (const { seconds, id } of steps) {
          await passTime(seconds);
          now += seconds;
          const fresh = await isNew(id);
          const last = countedAt.get(id);
          if (last === undefined) expect(fresh).toBe(true);
          // Five seconds for the duration of the test.
          else if (now - last < WINDOW_SEC - 5) expect(fresh, `after ${now - last} s`).toBe(false);
          if (fresh) countedAt.set(id, now);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('across a change to more buckets, when a generation fills up early', async () => {
    await areNew('p-1');
    await editGenerations('generation[4] = 4 ^ generation[2] * 384');
    expect(await areNew('p-2', 'p-1', 'p-2')).toEqual([true, false, false]);
    const [bucket] = await bucketsOf(2);
    expect((await bucketsOf(1))[0]).toMatch(/:1:[0-3]{6}$/);
    expect(bucket).toMatch(/:2:[0-3]{7}$/);
  });

  test('when the clock is set back', async () => {
    await areNew('p-1');
    await passTime(-WINDOW_SEC);
    expect(await areNew('p-1', 'p-2', 'p-2')).toEqual([false, true, false]);
  });

  test('in a batch with ids of three generations, each id once', async () => {
    await areNew('one');
    await passTime(WINDOW_SEC);
    await areNew('two');
    await editGenerations('generation[4] = 4 ^ generation[2] * 384');
    await areNew('three');
    const ids = ['three', 'new', 'one', 'two', 'new', 'three'];
    const batch = foldOf(ids.map((id) => parsedPulse({ id })));
    expect(await accumulator.apply(0, batch)).toEqual({ counted: 1, duplicates: 5, refused: [] });
  });
});

describe('memory', () => {
  test('the buckets of an expired generation are deleted, a few with every call', async () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => parsedPulse({ id: `p-${index}` }));
    await accumulator.apply(0, foldOf(ids));
    expect((await bucketsOf(1)).length).toBeGreaterThan(1_500);
    await passTime(WINDOW_SEC);
    await areNew('second');
    await passTime(WINDOW_SEC);
    await areNew('third');
    const afterOne = (await bucketsOf(1)).length;
    expect(afterOne).toBeGreaterThan(0);
    for (let calls = 1; calls < 16; calls++) await accumulator.probe(0);
    expect(await bucketsOf(1)).toEqual([]);
    expect(await bucketsOf(2)).toHaveLength(1);
    expect(await areNew('second', 'third')).toEqual([false, false]);
  });

  test('ids are stored as numbers, in far fewer than 20 bytes each', async () => {
    const count = 100_000;
    for (let from = 0; from < count; from += 10_000) {
      const ids = Array.from({ length: 10_000 }, (_, index) =>
        parsedPulse({ id: `p-${from + index}` }),
      );
      expect(await accumulator.apply(0, foldOf(ids))).toMatchObject({ counted: 10_000 });
    }
    const buckets = await bucketsOf(1);
    expect(buckets.length).toBe(4 ** 6);
    const pipeline = redis.pipeline();
    for (const bucket of buckets) pipeline.object('ENCODING', bucket).memory('USAGE', bucket);
    const replies = (await pipeline.exec())!.map(([, reply]) => reply);
    const encodings = new Set(replies.filter((_, index) => index % 2 === 0));
    const bytes = replies.filter((_, index) => index % 2 === 1) as number[];
    expect(encodings).toEqual(new Set(['intset']));
    expect(bytes.reduce((sum, size) => sum + size, 0) / count).toBeLessThan(20);
  });
});
