import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pulse } from '../../src/contract/pulse.ts';
import { UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { flushAll } from '../../src/flush/flush.ts';
import { USAGE_GROUPS, USAGE_WINDOWS, type UsageRow } from '../../src/usage/usage.ts';
import { arbitraryKeyText, arbitraryNanos, toAmount } from '../support/pulses.ts';
import { createUsageFixture, readAllPages, type UsageFixture } from './usage-fixture.ts';
import { modelRows, toModelRow, type ModelQuery } from './usage-model.ts';

let fixture: UsageFixture;

beforeAll(async () => {
  fixture = await createUsageFixture();
});
afterAll(async () => {
  await fixture.close();
});

const HOUR_MS = 3_600_000;

describe('the answer to any query equals the sum over a list', () => {
  /** Zones with clock changes at midnight, by half an hour, and with offsets of odd minutes. */
  const ZONES = [
    ...['UTC', 'Europe/Berlin', 'America/New_York', 'America/Havana', 'Asia/Beirut'],
    ...['Africa/Cairo', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Chatham'],
  ];
  /**
   * Near clock changes of these zones, and the ends of months and years. All of 2024, about which Node's time zone
   * data and Postgres' agree whatever their versions.
   */
  const TIMES = [
    ...['2024-03-10T05:00Z', '2024-03-31T00:00Z', '2024-04-06T14:00Z', '2024-04-25T21:00Z'],
    ...['2024-10-27T00:00Z', '2024-10-31T20:00Z', '2024-11-03T04:00Z', '2024-12-31T22:00Z'],
  ].map((text) => Date.parse(text));
  const hour = fc
    .tuple(fc.constantFrom(...TIMES), fc.integer({ min: -30, max: 30 }))
    .map(([ms, hours]) => ms + hours * HOUR_MS);
  const names = ['a', 'b', 'a*', '[a]?\\', 'a,b', "'; DROP TABLE pulses; --"];
  const name = fc.oneof(fc.constantFrom(...names), arbitraryKeyText(UNIT_LENGTH_MAX));
  const pulses = fc.array(
    fc
      .record({
        tenant: name,
        sku: name,
        unit: fc.constantFrom('GB', 'h'),
        ms: hour,
        nanos: arbitraryNanos,
      })
      .map(({ tenant, sku, unit, ms, nanos }): Pulse => {
        // Small enough that no sum of a test overflows.
        const amount = toAmount(1n + (nanos % 10n ** 22n));
        return { tenant, sku, unit, amount, windowStartSec: ms / 1000, id: undefined };
      }),
    { maxLength: 25 },
  );
  const some = (texts: readonly string[]) =>
    fc.option(fc.subarray([...texts]), { nil: undefined, freq: 2 });
  const query = fc.record({
    window: fc.constantFrom(...USAGE_WINDOWS),
    tz: fc.constantFrom(...ZONES),
    groups: fc
      .subarray(['tenant', 'product_sku'] as const)
      .map((asked) =>
        USAGE_GROUPS.filter((group) => group === 'use_unity' || asked.includes(group)),
      ),
    tenants: some(names),
    skus: some(names),
    units: some(['GB', 'h']),
    fromMs: fc.option(hour, { nil: undefined, freq: 2 }),
    toMs: fc.option(hour, { nil: undefined, freq: 2 }),
    order: fc.constantFrom('asc' as const, 'desc' as const),
    limit: fc.integer({ min: 1, max: 5 }),
    live: fc.constant(true),
  });

  test('wherever the pulses are: flushed, flushed late, sealed, live', async () => {
    const property = fc.asyncProperty(
      fc.record({ flushed: pulses, late: pulses, sealed: pulses, live: pulses }),
      fc.array(query, { minLength: 3, maxLength: 6 }),
      async (lists, queries) => {
        await fixture.reset();
        await fixture.count(lists.flushed);
        await flushAll(fixture);
        await fixture.count(lists.late);
        await flushAll(fixture);
        await fixture.count(lists.sealed);
        await fixture.sealAll();
        await fixture.count(lists.live);
        const all = Object.values(lists).flat();
        for (const asked of queries) {
          const rows = await readAllPages(fixture.usage, asked);
          const expected = modelRows(all, asked);
          if (asked.order === 'desc') expected.reverse();
          expect(rows.map((row) => toModelRow(row, asked))).toEqual(expected);
          // The window in the answer must contain the hours that were added up in it.
          for (const row of rows) expect(hoursOutside(row, all, asked)).toEqual([]);
        }
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  /** Hours that are in the row's window according to one calendar but not the other. */
  function hoursOutside(row: UsageRow, all: readonly Pulse[], asked: ModelQuery): Pulse[] {
    if (row.window_start === undefined || row.window_end === undefined) return [];
    const [start, end] = [Date.parse(row.window_start), Date.parse(row.window_end)];
    const byWindow = { window: asked.window, tz: asked.tz, groups: [] };
    const nameOf = (modelRow = '[]') => (JSON.parse(modelRow) as unknown[])[0];
    return all.filter((pulse) => {
      const ms = pulse.windowStartSec * 1000;
      const isSame = nameOf(modelRows([pulse], byWindow)[0]) === nameOf(toModelRow(row, byWindow));
      return isSame !== (ms >= start && ms < end);
    });
  }
});
