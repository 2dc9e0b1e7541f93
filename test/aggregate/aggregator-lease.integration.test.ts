/** What an aggregator does about its memory when its lease has ended. */
import { expect, test } from 'vitest';
import { createAccumulator } from '../../src/aggregate/accumulator.ts';
import { createJournal } from '../../src/aggregate/journal.ts';
import { loadRounds } from '../../src/aggregate/rounds.ts';
import { loadSeenIds } from '../../src/aggregate/seen-ids.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { eventually } from '../support/eventually.ts';
import { parsedPulse } from '../support/pulses.ts';
import { entryOf, useRedis } from './aggregate-fixture.ts';
import { startAggregator, watchMemory } from './aggregator-fixture.ts';
import { KEYS, readJournalBooks } from './journal-fixture.ts';

let redis: RedisClient;
let url: string;

useRedis((opened, openedUrl) => {
  redis = opened;
  url = openedUrl;
});

async function append(...ids: string[]): Promise<void> {
  const pulses = ids.map((id) => parsedPulse({ id }));
  await createAccumulator({ redis, shards: 1 }).append(0, pulses.length, entryOf(pulses));
}

async function untilFolded(): Promise<void> {
  await eventually(async () => (await readJournalBooks(redis)).journalled).toBe(0n);
}

/** One that has folded two pulses. */
async function startWatched() {
  const { seen, watch } = watchMemory();
  const aggregator = await startAggregator(url, watch);
  await append('1', '2');
  await untilFolded();
  return { seen, aggregator };
}

async function refuseLease(seen: { refusals: number }, times: number): Promise<void> {
  await redis.set(KEYS.lease, 'another');
  const before = seen.refusals;
  await eventually(() => seen.refusals - before).toBeGreaterThan(times);
}

test('it keeps its memory when nobody else has folded', async () => {
  const { seen, aggregator } = await startWatched();
  for (const round of [1, 2]) {
    await redis.del(KEYS.lease);
    await eventually(() => seen.kept).toBe(round);
  }
  await append('2', '3');
  await untilFolded();
  await aggregator.close();
  expect(seen.loads).toBe(1);
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 3n, duplicates: 1n });
});

test('it loads what another has committed', async () => {
  const { seen, aggregator } = await startWatched();
  await refuseLease(seen, 1);
  const loadIds = (state: string | null, leaseToken: string) =>
    loadSeenIds({ redis, shard: 0, windowSeconds: 3_600, state, leaseToken });
  const another = await loadRounds(
    { shard: 0, journal: createJournal(redis), loadSeenIds: loadIds },
    'another',
    AbortSignal.abort(),
  );
  await append('2', '3');
  await another.step();
  await another.commit();
  await redis.del(KEYS.lease);
  await append('3', '4');
  await untilFolded();
  await aggregator.close();
  expect(seen).toMatchObject({ loads: 2, kept: 0 });
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 4n, duplicates: 2n });
});

test('it forgets all when another has the lease for longer than its own can last', async () => {
  const { seen, aggregator } = await startWatched();
  await refuseLease(seen, 8);
  await redis.del(KEYS.lease);
  await append('2', '3');
  await untilFolded();
  await aggregator.close();
  expect(seen).toMatchObject({ loads: 2, kept: 0 });
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 3n, duplicates: 1n });
});

/** An aggregator to which Redis' clock is ahead by what the test sets. */
async function startWithClock(clock: { aheadSec: number; answers: number }) {
  return startAggregator(url, (journal) => ({
    ...journal,
    async lease(...args) {
      const timeSec = await journal.lease(...args);
      if (timeSec === undefined) return undefined;
      clock.answers += 1;
      return timeSec + clock.aheadSec;
    },
  }));
}

test('a clock of Redis that jumps ahead for a while makes no aggregator forget ids', async () => {
  const clock = { aheadSec: 0, answers: 0 };
  const jump = async (aheadSec: number): Promise<void> => {
    clock.aheadSec = aheadSec;
    const before = clock.answers;
    await eventually(() => clock.answers - before).toBeGreaterThan(2);
  };
  const aggregator = await startWithClock(clock);
  await append('1', '2');
  await untilFolded();
  await jump(36_000);
  await append('3');
  await untilFolded();
  await jump(72_000);
  await aggregator.close();
  const another = await startWithClock(clock);
  await jump(72_000);
  clock.aheadSec = 0;
  await append('1', '2', '3', '4');
  await untilFolded();
  await another.close();
  expect(await readJournalBooks(redis)).toMatchObject({ counted: 4n, duplicates: 3n });
});
