import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { shardKeys } from '../../src/aggregate/keys.ts';
import { addBooksMetrics, startBooksWatch, type BooksSight } from '../../src/flush/books-watch.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { appendAll } from '../aggregate/aggregate-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { useFlushFixture, SHARDS, somePulses } from './flush-fixture.ts';

const fixture = useFlushFixture();

/** The first reading of a watch. */
async function look(): Promise<BooksSight> {
  const watch = startBooksWatch(fixture);
  await eventually(() => watch.latest).toBeDefined();
  watch.close();
  return watch.latest!;
}

test('in an empty installation everything is 0, and nothing waits', async () => {
  expect(await look()).toEqual({
    verdict: { at: expect.any(Date) as Date, drift: 0n, journalDrift: 0n, balanced: true },
    drift: { missing: 0, surplus: 0 },
    journalled: 0,
    journalBytes: 0,
    journalSinceMs: undefined,
    live: { pulses: 0, keys: 0 },
    sealed: { pulses: 0, keys: 0 },
    sealedBatches: 0,
    seenIds: 0,
    unflushedSinceMs: undefined,
  });
});

test('live, sealed, remembered and unflushed pulses are reported', async () => {
  const startedMs = Date.now();
  await fixture.count(somePulses(200, 'sealed'));
  for (let shard = 0; shard < SHARDS; shard++) await fixture.accumulator.seal(shard);
  await fixture.count(somePulses(140, 'live'));
  await fixture.count(somePulses(140, 'live'));
  const sight = await look();
  expect(sight).toMatchObject({
    drift: { missing: 0, surplus: 0 },
    live: { pulses: 140 },
    sealed: { pulses: 200 },
    sealedBatches: SHARDS,
    seenIds: 340,
  });
  expect(sight.live.keys).toBeGreaterThan(50);
  expect(sight.sealed.keys).toBeGreaterThan(sight.live.keys);
  // Redis' clock is read in whole seconds.
  expect(sight.unflushedSinceMs).toBeGreaterThan(startedMs - 2_000);

  await flushAll(fixture);
  expect(await look()).toMatchObject({
    live: { pulses: 0, keys: 0 },
    sealedBatches: 0,
    seenIds: 340,
    unflushedSinceMs: undefined,
  });
});

test('pulses that wait in the journal are no drift', async () => {
  const beforeMs = Date.now();
  await appendAll(fixture.accumulator, somePulses(100));
  const sight = await look();
  expect(sight).toMatchObject({ drift: { missing: 0, surplus: 0 }, journalled: 100 });
  expect(sight.journalBytes).toBeGreaterThan(100);
  expect(sight.journalSinceMs).toBeGreaterThanOrEqual(beforeMs);
  expect(sight.journalSinceMs).toBeLessThanOrEqual(Date.now());
  const registry = new Registry();
  const old = { ...sight, journalSinceMs: Date.now() - 60_000 };
  addBooksMetrics(registry, { watch: { latest: old }, cron: '0 * * * *' });
  expect(await registry.metrics()).toMatch(/^pulse_journal_age_seconds 6\d/m);
  expect(await registry.metrics()).toContain('pulse_pending_pulses{state="journalled"} 100\n');
});

test('the drift of one shard does not hide that of another', async () => {
  await fixture.count(somePulses(100));
  await fixture.redis.hincrby(shardKeys(0).books, 'appended', 7);
  await fixture.redis.hincrby(shardKeys(1).books, 'appended', -3);
  expect((await look()).drift).toEqual({ missing: 7, surplus: 3 });
});

test('a wrong count is drift, though what was appended is right', async () => {
  await fixture.count(somePulses(100));
  await fixture.redis.hincrby(shardKeys(0).books, 'counted', 4);
  expect((await look()).drift).toEqual({ missing: 4, surplus: 4 });
});

test('missed flushes are counted in ticks of the schedule', async () => {
  const registry = new Registry();
  const hours = (count: number): number => count * 3_600_000;
  const sight = await look();
  const watch = { latest: { ...sight, unflushedSinceMs: Date.now() - hours(3) } };
  addBooksMetrics(registry, { watch, cron: '0 * * * *' });
  const text = await registry.metrics();
  expect(text).toContain('pulse_flush_missed_ticks 3\n');
  expect(text).toMatch(/^pulse_unflushed_age_seconds 1080\d/m);
});
