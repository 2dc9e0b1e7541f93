import { expect, test } from 'vitest';
import { axisOf, chartsOf } from '../../web/src/pages/usage/chart-data.ts';
import type { UsageRow } from '../../web/src/pages/usage/usage-row.ts';

const HOUR_MS = 3_600_000;
const sec = (at: string) => Date.parse(at) / 1_000;

function row(start: string, changes: Partial<UsageRow> = {}): UsageRow {
  return {
    window_start: start,
    window_end: new Date(Date.parse(start) + HOUR_MS).toISOString(),
    use_unity: 'h',
    used_amount: '1',
    pulse_count: 1,
    provisional: false,
    ...changes,
  };
}

test('every chart has the axis of the range that was asked for', () => {
  const rows = [row('2026-11-29T05:00:00Z'), row('2026-11-28T20:00:00Z', { use_unity: 'GB' })];
  const asked = { from: '2026-11-24', to: '2026-12-01', tz: 'Europe/Berlin' };
  const axis = [sec('2026-11-23T23:00:00Z'), sec('2026-11-30T23:00:00Z')];
  expect(chartsOf(rows, asked).map((chart) => chart.axis)).toEqual([axis, axis]);
});

test('without both ends of the range, the axis is that of all data', () => {
  const rows = [row('2026-11-29T05:00:00Z'), row('2026-11-28T20:00:00Z', { use_unity: 'GB' })];
  const axis = [sec('2026-11-28T20:00:00Z'), sec('2026-11-29T06:00:00Z')];
  expect(axisOf(rows, { tz: 'UTC' })).toEqual(axis);
  expect(axisOf(rows, { from: '2026-11-01', tz: 'UTC' })).toEqual(axis);
  expect(axisOf(rows, { from: 'once', to: '2026-12-01', tz: 'UTC' })).toEqual(axis);
});

test('a window that begins before the range, or ends after it, is drawn whole', () => {
  const rows = [row('2026-11-29T05:00:00Z')];
  const asked = { from: '2026-11-29 05:30', to: '2026-11-29 05:40', tz: 'UTC' };
  expect(axisOf(rows, asked)).toEqual([sec('2026-11-29T05:00:00Z'), sec('2026-11-29T06:00:00Z')]);
});

test('a bar is one window wide, however far the next one is', () => {
  const rows = [row('2026-11-29T05:00:00Z'), row('2026-11-28T20:00:00Z')];
  const [chart] = chartsOf(rows, { tz: 'UTC' });
  expect(chart).toMatchObject({
    windowSec: 3_600,
    starts: [sec('2026-11-28T20:00:00Z'), sec('2026-11-29T05:00:00Z')],
    middles: [sec('2026-11-28T20:30:00Z'), sec('2026-11-29T05:30:00Z')],
  });
});

test('the shortest window of a change of the clocks is the width of all', () => {
  const rows = [
    row('2026-03-28T23:00:00Z', { window_end: '2026-03-29T22:00:00Z' }),
    row('2026-03-29T22:00:00Z', { window_end: '2026-03-30T22:00:00Z' }),
  ];
  expect(chartsOf(rows, { tz: 'Europe/Berlin' })[0]?.windowSec).toBe(23 * 3_600);
});
