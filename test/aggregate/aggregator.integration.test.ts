/** The journal and its aggregators against a real Redis, with everything that can go wrong, in seeded random order. */
import { describe, expect, test } from 'vitest';
import { createAccumulator, type Accumulator } from '../../src/aggregate/accumulator.ts';
import type { Journal } from '../../src/aggregate/journal.ts';
import type { Pulse } from '../../src/contract/pulse.ts';
import { TransientError } from '../../src/core/errors.ts';
import { sleep } from '../../src/platform/backoff.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { createRandom, type Random } from '../../src/populate/random.ts';
import { parsedPulse } from '../support/pulses.ts';
import { eventually } from '../support/eventually.ts';
import { entryOf, Oracle, useRedis, type Sum } from './aggregate-fixture.ts';
import { mapCalls, startAggregator, watchMemory } from './aggregator-fixture.ts';
import {
  addUp,
  headerOf,
  KEYS,
  readJournalBooks,
  readSums,
  sealSums,
  type Header,
} from './journal-fixture.ts';

const HOUR = 3_600;
const AT = 490_000 * HOUR;

let redis: RedisClient;
let url: string;

useRedis((opened, openedUrl) => {
  redis = opened;
  url = openedUrl;
});

const unanswered = () => new TransientError('PULSE_REDIS_APPLY', 'Redis did not answer.');

/** Calls are late, do not arrive, or their reply is lost; a commit may wake up when its lease is long gone. */
async function unreliably<T>(
  call: () => Promise<T>,
  name: keyof Journal | 'append',
  random: Random,
): Promise<T> {
  const chance = random.below(100);
  if (chance < 4) throw unanswered();
  if (chance < 30) await sleep(random.below(4));
  if (name === 'commit' && chance >= 90) {
    await redis.del(KEYS.lease);
    await sleep(random.below(700));
  }
  const reply = await call();
  if (chance >= 30 && chance < 36) throw unanswered();
  return reply;
}

async function untilFolded(): Promise<void> {
  await eventually(async () => (await readJournalBooks(redis)).journalled).toBe(0n);
}

function somePulse(random: Random, idCount: number): Pulse {
  const id = random.below(idCount);
  // All copies of an id are the same pulse.
  return parsedPulse({
    tenant: `tenant ${id % 5} é\\`,
    sku: `sku-${id % 7}`,
    windowStartSec: AT + (id % 3) * HOUR,
    amount: { whole: (id * 7) % 1000, nano: 1 + ((id * 123_456_789) % 999_999_999) },
    id: `id-${id}`,
  });
}

test('pulses become readable sums, each id once', async () => {
  const aggregator = await startAggregator(url);
  const oracle = new Oracle();
  const pulses = [
    parsedPulse({ tenant: 'a\\b', sku: 'naïve', id: '1', windowStartSec: AT }),
    parsedPulse({ tenant: 'a\\b', sku: 'naïve', id: '1', windowStartSec: AT }),
    parsedPulse({ tenant: 'a\\b', sku: 'naïve', id: undefined, windowStartSec: AT }),
    parsedPulse({ tenant: 'a\\b', sku: 'naïve', id: undefined, windowStartSec: AT }),
    parsedPulse({
      id: '1',
      windowStartSec: AT + HOUR,
      amount: { whole: 999_999_999_999_999, nano: 999_999_999 },
    }),
    parsedPulse({
      id: '2',
      windowStartSec: AT + HOUR,
      amount: { whole: 999_999_999_999_999, nano: 999_999_999 },
    }),
  ];
  for (const pulse of pulses) oracle.take(pulse);
  await createAccumulator({ redis, shards: 1 }).append(0, pulses.length, entryOf(pulses));
  await untilFolded();
  const sums = await readSums(redis, KEYS.live);
  expect(sums).toEqual(oracle.sums);
  expect([...sums.keys()]).toContain('a\\\\b\tnaïve\thours\t2025-11-24T16:00:00Z');
  expect(await readJournalBooks(redis)).toEqual({
    appended: 6n,
    journalled: 0n,
    journalBytes: 0n,
    counted: 5n,
    duplicates: 1n,
  });
  expect(await redis.xlen(KEYS.journal)).toBe(0);
  const header = await sealSums(redis);
  expect(header).toMatchObject(headerOf(oracle.sums));
  expect(await sealSums(redis)).toBeNull();
  await aggregator.close();
});

/** One seeded run: producers, aggregators that die and wake up as zombies, seals, and a Redis that is hard to reach. */
async function chaosRound(seed: number, watch: (journal: Journal) => Journal): Promise<void> {
  await redis.flushdb();
  const random = createRandom(seed);
  const oracle = new Oracle();
  const idCount = 50 + random.below(2_000);
  let isCalm = false;
  const chaos = (journal: Journal): Journal =>
    watch(mapCalls(journal, (call, name) => (isCalm ? call() : unreliably(call, name, random))));
  const processes = [await startAggregator(url, chaos), await startAggregator(url, chaos)];
  const { append } = createAccumulator({ redis, shards: 1 });
  const producer: Accumulator['append'] = (...args) =>
    unreliably(() => append(...args), 'append', random);
  const batches: { header: Header; sums: Map<string, Sum> }[] = [];
  let sent = 0;
  for (let step = 0; step < 60; step++) {
    const pulses = Array.from({ length: 1 + random.below(60) }, () => somePulse(random, idCount));
    for (const pulse of pulses) oracle.take(pulse);
    sent += await appendUntilAnswered(producer, pulses);
    const chance = random.below(100);
    if (chance < 15) {
      const header = await sealSums(redis);
      if (header !== null) batches.push({ header, sums: await sealedSums(header.batchId) });
    } else if (chance < 25) {
      const index = random.below(processes.length);
      processes[index]?.kill();
      if (random.below(2) === 0) await redis.del(KEYS.lease);
      await processes[index]?.close();
      processes[index] = await startAggregator(url, chaos);
    } else if (chance < 45) {
      await sleep(random.below(60));
    }
  }
  isCalm = true;
  await untilFolded();
  await Promise.all(processes.map((process) => process.close()));
  const books = await readJournalBooks(redis);
  expect(books.journalBytes).toBe(0n);
  expect(Number(books.appended)).toBeGreaterThanOrEqual(sent);
  expect(books.counted + books.duplicates).toBe(books.appended);
  const last = await sealSums(redis);
  if (last !== null) batches.push({ header: last, sums: await sealedSums(last.batchId) });
  for (const { header, sums } of batches) expect(header).toMatchObject(headerOf(sums));
  expect(addUp(batches)).toEqual(oracle.sums);
  expect(books.counted).toBe(batches.reduce((sum, { header }) => sum + header.pulses, 0n));
}

const sealedSums = (batchId: string) => readSums(redis, `${KEYS.sealedPrefix}${batchId}`);

async function appendUntilAnswered(
  append: Accumulator['append'],
  pulses: readonly Pulse[],
): Promise<number> {
  const entry = entryOf(pulses);
  for (;;) {
    try {
      await append(0, pulses.length, entry);
      return pulses.length;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
    }
  }
}

describe('whatever dies, wakes up late or is lost, each id counts once', () => {
  // More of them: AGGREGATOR_SEEDS=1000-1999.
  const [first = 1, last = 12] = (process.env.AGGREGATOR_SEEDS ?? '1-12').split('-').map(Number);
  const { seen, watch } = watchMemory();
  test.each(Array.from({ length: last - first + 1 }, (_, index) => first + index))(
    'seed %i',
    async (seed) => {
      await chaosRound(seed, watch);
    },
    120_000,
  );
  test('some woke up and kept their memory, and some had to load', () => {
    expect(Math.min(seen.kept, seen.loads)).toBeGreaterThan(0);
  });
});
