/** The aggregator thread of a worker, as it is built. */
import { Worker } from 'node:worker_threads';
import { pino } from 'pino';
import { afterEach, expect, test, vi } from 'vitest';
import type { Accumulator } from '../../src/aggregate/accumulator.ts';
import { startAggregators, type AggregatorPool } from '../../src/aggregate/aggregator-pool.ts';
import { shardKeys } from '../../src/aggregate/keys.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { eventually } from '../support/eventually.ts';
import { parsedPulse } from '../support/pulses.ts';
import { appendAll, countsOf, createTestAccumulator, useRedis } from './aggregate-fixture.ts';

const SHARDS = 3;
const CLOSE_MS = 10_000;

let redis: RedisClient;
let url: string;
let accumulator: Accumulator;
let pool: AggregatorPool | undefined;
const total = { counted: 0, duplicates: 0 };
const fatal: unknown[] = [];

useRedis((opened, openedUrl) => {
  redis = opened;
  url = openedUrl;
  accumulator = createTestAccumulator(redis, SHARDS);
});

afterEach(async () => {
  await pool?.close(CLOSE_MS);
  pool = undefined;
  Object.assign(total, { counted: 0, duplicates: 0 });
  fatal.length = 0;
  vi.restoreAllMocks();
});

function startPool(): AggregatorPool {
  pool = startAggregators({
    task: {
      redisUrl: url,
      shards: SHARDS,
      dedupeWindowSeconds: 3_600,
      log: { level: 'silent', pretty: false, secrets: [] },
      crashAt: undefined,
    },
    logger: pino({ level: 'silent' }),
    onCounts: ({ counted, duplicates }) => {
      total.counted += counted;
      total.duplicates += duplicates;
    },
    onFatal: (error) => fatal.push(error),
  });
  return pool;
}

const pulses = (count: number) =>
  Array.from({ length: count }, (_, index) =>
    parsedPulse({ tenant: `tenant ${index % 50}`, id: `p-${index}` }),
  );

const isFolded = (counted: bigint, duplicates: bigint) =>
  eventually(() => countsOf(accumulator)).toEqual({ counted, duplicates });

test('folds every shard, and tells what it has counted', async () => {
  startPool();
  await appendAll(accumulator, pulses(200));
  await appendAll(accumulator, pulses(300));
  await isFolded(300n, 200n);
  await eventually(() => total).toEqual({ counted: 300, duplicates: 200 });
  expect(fatal).toEqual([]);
});

test('a thread that is killed is replaced, and nothing is counted twice', async () => {
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  const own = startPool();
  await appendAll(accumulator, pulses(200));
  await isFolded(200n, 0n);
  // The only way to the thread from here.
  own.setLogLevel('silent');
  const thread = posted.mock.contexts[0] as Worker;
  await appendAll(accumulator, pulses(400));
  await thread.terminate();
  // The lease of the dead one ends first.
  await isFolded(400n, 200n);
  own.setLogLevel('silent');
  expect(posted.mock.contexts.at(-1)).not.toBe(thread);
  expect(fatal).toEqual([]);
});

test('a thread that dies of an error is replaced', async () => {
  const posted = vi.spyOn(Worker.prototype, 'postMessage');
  const own = startPool();
  own.setLogLevel('silent');
  const thread = posted.mock.contexts[0] as Worker;
  // Node.js tells of the error, and then of the end.
  thread.emit('error', new Error('of the test'));
  await thread.terminate();
  await appendAll(accumulator, pulses(200));
  await isFolded(200n, 0n);
});

test('closing commits what was appended before, and gives the leases back', async () => {
  const own = startPool();
  await appendAll(accumulator, pulses(100));
  await isFolded(100n, 0n);
  for (let batch = 0; batch < 20; batch++) await appendAll(accumulator, pulses(500));
  await own.close(CLOSE_MS);
  expect(await countsOf(accumulator)).toEqual({ counted: 500n, duplicates: 9_600n });
  for (let shard = 0; shard < SHARDS; shard++) {
    expect(await redis.exists(shardKeys(shard).lease)).toBe(0);
    expect((await accumulator.readBooks(shard)).journalled).toBe(0n);
  }
  expect(total).toEqual({ counted: 500, duplicates: 9_600 });
});

test('a journal that is not one is reported, and nothing of it is counted', async () => {
  startPool();
  await accumulator.append(1, 1, Buffer.from('not an entry'));
  await eventually(() => fatal[0]).toMatchObject({ code: 'PULSE_JOURNAL_UNREADABLE' });
  expect(await countsOf(accumulator)).toEqual({ counted: 0n, duplicates: 0n });
});
