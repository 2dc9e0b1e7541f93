import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { shardOf, type MatchCursor } from '../../src/aggregate/accumulator.ts';
import { shardKeys } from '../../src/aggregate/keys.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { FLUSH_STEPS } from '../../src/flush/flush-steps.ts';
import { readHeld } from '../../src/usage/read-held.ts';
import { AsOfFutureError, readUsage } from '../../src/usage/read-usage.ts';
import { entryOf } from '../aggregate/aggregate-fixture.ts';
import { somePulses, WINDOW_SEC } from '../flush/flush-fixture.ts';
import { parsedPulse } from '../support/pulses.ts';
import { AGE_MAX_MS, createUsageFixture, EVERYTHING, type UsageFixture } from './usage-fixture.ts';

let fixture: UsageFixture;

beforeAll(async () => {
  fixture = await createUsageFixture();
});
afterAll(async () => {
  await fixture.close();
});
beforeEach(async () => {
  await fixture.reset();
});

const HOUR_MS = 3_600_000;
const pulseCountNow = async () => (await readUsage(fixture.usage, EVERYTHING)).rows[0]?.pulse_count;

// In 2024, because governments change future clocks, and time zone data follows at its own pace.
test.each([
  ['Europe/Berlin', '2024-03-31T00:00:00+01:00', '2024-04-01T00:00:00+02:00', 23],
  ['Europe/Berlin', '2024-10-27T00:00:00+02:00', '2024-10-28T00:00:00+01:00', 25],
  ['America/Havana', '2024-03-10T01:00:00-04:00', '2024-03-11T00:00:00-04:00', 23],
  ['America/Havana', '2024-11-03T00:00:00-04:00', '2024-11-04T00:00:00-05:00', 25],
  ['Asia/Kolkata', '2024-03-31T00:00:00+05:30', '2024-04-01T00:00:00+05:30', 24],
  ['UTC', '2024-03-31T00:00:00Z', '2024-04-01T00:00:00Z', 24],
])('a day of %s from %s has its own length', async (tz, start, end, hours) => {
  const noon = Math.floor(Date.parse(start) / HOUR_MS) * 3_600 + 12 * 3_600;
  await fixture.count([parsedPulse({ windowStartSec: noon })]);
  const { rows } = await readUsage(fixture.usage, { ...EVERYTHING, window: 'day', tz });
  expect(rows).toMatchObject([{ window_start: start, window_end: end }]);
  expect((Date.parse(end) - Date.parse(start)) / HOUR_MS).toBe(hours);
});

test.each([3_600, 1_800, 900])(
  'unflushed windows of %i seconds are found by their bounds',
  async (length) => {
    const starts = [0, 1, 2, 3].map((index) => WINDOW_SEC + index * length);
    await fixture.count(
      starts.map((windowStartSec, id) => parsedPulse({ windowStartSec, id: String(id) })),
    );
    const filter = { fromSec: WINDOW_SEC + length, toSec: WINDOW_SEC + 3 * length };
    const { batches } = await readHeld(fixture.accumulator, filter);
    const rows = batches.flatMap(({ rows = [] }) =>
      rows.map(({ windowStartSec }) => windowStartSec),
    );
    expect(rows.sort()).toEqual(starts.slice(1, 3));
  },
);

describe('a flush', () => {
  test.each(FLUSH_STEPS)('changes no sum, read right after "%s"', async (step) => {
    await fixture.count(somePulses(300));
    const seen: unknown[] = [];
    await flushAll({
      ...fixture,
      onStep: async (reached) => {
        if (reached === step) seen.push(await pulseCountNow());
      },
    });
    expect(seen).toEqual([300, 300]);
  });

  test('between reading Redis and reading Postgres changes no sum', async () => {
    await fixture.count(somePulses(300));
    const deps = {
      ...fixture.usage,
      readSnapshot: async <R>(read: Parameters<typeof fixture.usage.readSnapshot<R>>[0]) => {
        await flushAll(fixture);
        return await fixture.usage.readSnapshot(read);
      },
    };
    const { rows, freshness } = await readUsage(deps, EVERYTHING);
    expect(rows).toMatchObject([{ pulse_count: 300, provisional: false }]);
    expect(freshness).toMatchObject({ provisional: false, pending: 0 });
  });

  test.each(['sealed', 'discarded'] as const)(
    'that reaches "%s" between two reads of Redis changes no sum',
    async (step) => {
      await fixture.count(somePulses(300));
      let isFirst = true;
      const held = {
        ...fixture.accumulator,
        readMatching: async (...args: Parameters<typeof fixture.accumulator.readMatching>) => {
          if (isFirst) {
            isFirst = false;
            await (step === 'sealed' ? fixture.sealAll() : flushAll(fixture));
            // Only in shard 0, whose batches are already listed: these pulses come too late.
            await fixture.count(somePulses(70, 'later').filter((pulse) => shardOf(pulse, 2) === 0));
          }
          return await fixture.accumulator.readMatching(...args);
        },
      };
      const { rows } = await readUsage(
        { ...fixture.usage, readHeld: (filter) => readHeld(held, filter) },
        EVERYTHING,
      );
      expect(rows).toMatchObject([{ pulse_count: 300 }]);
    },
  );
});

describe('freshness', () => {
  const freshness = async (changes: object = {}) =>
    (await readUsage(fixture.usage, { ...EVERYTHING, ...changes })).freshness;
  const hourNow = () => Math.floor(Date.now() / HOUR_MS) * HOUR_MS;

  test('with nothing unflushed, all hours before this one are complete', async () => {
    await fixture.count(somePulses(10));
    await flushAll(fixture);
    const before = hourNow();
    const answer = await freshness();
    expect([before, hourNow()]).toContain(answer.completeThroughMs);
    expect(answer).toMatchObject({ provisional: false, pending: 0 });
    expect(answer.finalThroughMs).toBeLessThanOrEqual(Date.now() - AGE_MAX_MS);
  });

  test('the earliest unflushed hour is the first that is not complete', async () => {
    await fixture.count(somePulses(10));
    await fixture.sealAll();
    await fixture.count([parsedPulse({ windowStartSec: WINDOW_SEC + 7_200, id: 'x' })]);
    expect(await freshness()).toEqual({
      completeThroughMs: WINDOW_SEC * 1000,
      finalThroughMs: WINDOW_SEC * 1000,
      provisional: true,
      pending: 11,
      journalled: 0,
    });
  });

  test('pulses in the journal are told, and what they may belong to is not final', async () => {
    const { redis } = fixture;
    const { finalThroughMs } = await freshness();
    const entry = entryOf(somePulses(3));
    await fixture.accumulator.append(0, 3, entry);
    expect(await freshness()).toMatchObject({ journalled: 3, finalThroughMs });
    // As if it had been appended five hours ago.
    const { journal } = shardKeys(0);
    await redis.del(journal);
    await redis.xadd(journal, `${Date.now() - 5 * HOUR_MS}-0`, '1', entry);
    const waited = await freshness();
    expect(waited.journalled).toBe(3);
    expect(waited.finalThroughMs).toBeLessThanOrEqual(finalThroughMs - 4 * HOUR_MS);
    const asOfMs = Date.now() - 1_000;
    expect((await freshness({ asOfMs })).finalThroughMs).toBe(waited.finalThroughMs);
  });

  test('only pulses that match the query are pending', async () => {
    await fixture.count(somePulses(70));
    expect(await freshness({ tenants: ['tenant-1'] })).toMatchObject({ pending: 10 });
    expect(await freshness({ tenants: ['nobody'] })).toMatchObject({
      provisional: false,
      pending: 0,
      completeThroughMs: WINDOW_SEC * 1000,
    });
  });

  test('without the live part the answer is final, and says that it leaves out pulses', async () => {
    await fixture.count(somePulses(10));
    const page = await readUsage(fixture.usage, { ...EVERYTHING, live: false });
    expect(page.rows).toEqual([]);
    expect(page.freshness).toMatchObject({
      completeThroughMs: WINDOW_SEC * 1000,
      provisional: false,
      pending: null,
    });
  });

  test('a batch that Redis lost is an error', async () => {
    await fixture.count(somePulses(10));
    const held = { ...fixture.accumulator, readMatching: () => Promise.resolve(null) };
    await expect(
      readUsage({ ...fixture.usage, readHeld: (filter) => readHeld(held, filter) }, EVERYTHING),
    ).rejects.toMatchObject({
      code: 'PULSE_FLUSH_MISMATCH',
    });
  });

  test('a query that would read more from Redis than its caller may see is not answered', async () => {
    await fixture.count(somePulses(70));
    const deps = { ...fixture.usage, scope: ['tenant-0'] };
    const page = await readUsage(deps, { ...EVERYTHING, tenants: ['tenant-0'] });
    expect(page.rows).toMatchObject([{ pulse_count: 10 }]);
    await expect(readUsage(deps, EVERYTHING)).rejects.toThrow('more than its caller may see');
  });

  test('a query with more rows in Redis than the limit is refused', async () => {
    const rows = somePulses(60_000).map((pulse) => ({ ...pulse, shard: 0 }));
    const held = {
      ...fixture.accumulator,
      readMatching: (_batch: unknown, { cursor }: { cursor: MatchCursor | undefined }) =>
        Promise.resolve({
          cursor: cursor === undefined ? { position: 1, cursor: '1' } : undefined,
          rows: rows.map((row) => ({
            ...row,
            unit: `u${cursor?.cursor ?? ''}-${String(row.id)}`,
            amount: { high: 0, ...row.amount },
            pulseCount: 1,
          })),
        }),
    };
    await fixture.count(somePulses(10));
    await expect(readHeld(held, {})).rejects.toMatchObject({ name: 'TooMuchHeldError' });
  });
});

describe('as of an instant', () => {
  const asOf = (asOfMs: number) => readUsage(fixture.usage, { ...EVERYTHING, asOfMs });
  const clock = async () => {
    const { rows } = await fixture.pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
    // The next millisecond: a Date drops the microseconds.
    await fixture.pool.query('SELECT pg_sleep(0.002)');
    return rows[0]!.now.getTime() + 1;
  };

  test('the answer has the pulses that were flushed by then', async () => {
    const start = await clock();
    await fixture.count(somePulses(100, 'first'));
    await flushAll(fixture);
    const first = await clock();
    await fixture.count(somePulses(50, 'second'));
    const counted = await clock();
    await flushAll(fixture);
    await fixture.count(somePulses(25, 'third'));
    expect((await asOf(start)).rows).toEqual([]);
    expect((await asOf(first)).rows).toMatchObject([{ pulse_count: 100, provisional: false }]);
    expect((await asOf(counted)).rows).toMatchObject([{ pulse_count: 100 }]);
    expect((await asOf(await clock())).rows).toMatchObject([{ pulse_count: 150 }]);
    // Pulses counted and not flushed by then are left out, and the answer says so.
    expect((await asOf(counted)).freshness).toMatchObject({
      completeThroughMs: WINDOW_SEC * 1000,
      provisional: false,
      pending: null,
    });
  });

  test('an answer is provisional only while a flush is writing', async () => {
    await fixture.count(somePulses(10));
    const seen: boolean[] = [];
    await flushAll({
      ...fixture,
      onStep: async (step) => {
        if (step === 'recorded') seen.push((await asOf(await clock())).freshness.provisional);
      },
    });
    seen.push((await asOf(await clock())).freshness.provisional);
    expect(seen).toEqual([true, true, false]);
  });

  test('the time of a batch is that of its ledger entry, not of the start of its transaction', async () => {
    const client = await fixture.pool.connect();
    await client.query('BEGIN');
    const begun = await clock();
    const { rows } = await client.query<{ flushed_at: Date }>(
      `INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at)
       VALUES (gen_random_uuid(), 0, 1, 1, now(), now(), now()) RETURNING flushed_at`,
    );
    await client.query('ROLLBACK');
    client.release();
    expect(rows[0]!.flushed_at.getTime()).toBeGreaterThanOrEqual(begun);
  });

  test('an instant in the future is refused', async () => {
    await expect(asOf(Date.now() + 60_000)).rejects.toBeInstanceOf(AsOfFutureError);
  });
});
