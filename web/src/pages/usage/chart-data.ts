/** What the charts of usage draw. Amounts become floats here: pixels need no more digits. */
import { instantOf } from '../../parts/range.ts';
import type { UsageRow } from './usage-row.ts';

export interface ChartSeries {
  readonly name: string;
  /** One for each window; null: nothing was used. */
  readonly values: readonly (number | null)[];
  readonly provisional: readonly boolean[];
}

/** One chart for each unit: gigabytes and hours have no sum. */
export interface UnitChart {
  readonly unit: string;
  /** Of the windows that have usage, in seconds since 1970, ascending. */
  readonly starts: readonly number[];
  /** Between the start and the end of each. */
  readonly middles: readonly number[];
  /** Of the shortest: days and months differ. */
  readonly windowSec: number;
  readonly axis: Axis;
  /** The largest first. What has no color of its own is one series at the end. */
  readonly series: readonly ChartSeries[];
}

/** From the first second to the one after the last, the same for all charts of a page. */
export type Axis = readonly [number, number];

interface Group {
  readonly name: string;
  readonly rows: UsageRow[];
  readonly total: number;
}

/** As many as there are colors that differ. */
const SERIES_MAX = 7;

export function chartsOf(
  rows: readonly UsageRow[],
  asked: { readonly from?: string; readonly to?: string; readonly tz: string },
): UnitChart[] {
  const axis = axisOf(rows, asked);
  return [...groupedBy(rows, ({ use_unity: unit }) => unit)].map(([unit, own]) =>
    unitChart(unit, own, axis),
  );
}

/** The range that was asked for; that of the data where an end is not known. A window may begin before it or end after it. */
export function axisOf(
  rows: readonly UsageRow[],
  { from = '', to = '', tz }: { readonly from?: string; readonly to?: string; readonly tz: string },
): Axis {
  const first = least(rows.map(startSec));
  const last = -least(rows.map((row) => -endSec(row)));
  const asked = [from, to].map((place) => seconds(instantOf(place, tz)));
  const [askedFirst = NaN, askedLast = NaN] = asked;
  if (asked.some(Number.isNaN)) return [first, last];
  return [Math.min(askedFirst, first), Math.max(askedLast, last)];
}

/** `Math.min` takes only so many arguments. */
function least(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => Math.min(a, b), Infinity);
}

export function groupName({ tenant, product_sku: sku }: UsageRow): string {
  return [tenant, sku].filter((name) => name !== undefined).join(' · ');
}

function unitChart(unit: string, rows: readonly UsageRow[], axis: Axis): UnitChart {
  const ends = new Map(rows.map((row) => [startSec(row), endSec(row)]));
  const windows = [...ends].sort(([a], [b]) => a - b);
  const starts = windows.map(([start]) => start);
  const groups = [...groupedBy(rows, groupName)]
    .map(([name, own]): Group => ({ name, rows: own, total: sum(own) }))
    .sort((a, b) => b.total - a.total);
  const rest = groups.slice(SERIES_MAX);
  return {
    unit,
    starts,
    middles: windows.map(([start, end]) => (start + end) / 2),
    windowSec: least(windows.map(([start, end]) => end - start)),
    axis,
    series: [
      ...groups.slice(0, SERIES_MAX).map((group) => seriesOf(starts, group)),
      ...(rest.length === 0
        ? []
        : [
            seriesOf(starts, {
              name: `${rest.length} others`,
              rows: rest.flatMap(({ rows: own }) => own),
              total: 0,
            }),
          ]),
    ],
  };
}

function seriesOf(starts: readonly number[], { name, rows }: Group): ChartSeries {
  const byStart = groupedBy(rows, startSec);
  const windows = starts.map((start) => byStart.get(start) ?? []);
  return {
    name,
    values: windows.map((own) => (own.length === 0 ? null : sum(own))),
    provisional: windows.map((own) => own.some(({ provisional }) => provisional)),
  };
}

/** As `Map.groupBy`, which browsers have had only since 2024. */
function groupedBy<Key>(
  rows: readonly UsageRow[],
  keyOf: (row: UsageRow) => Key,
): Map<Key, UsageRow[]> {
  const groups = new Map<Key, UsageRow[]>();
  for (const row of rows) {
    const key = keyOf(row);
    const own = groups.get(key);
    if (own === undefined) groups.set(key, [row]);
    else own.push(row);
  }
  return groups;
}

function sum(rows: readonly UsageRow[]): number {
  return rows.reduce((total, { used_amount: amount }) => total + Number(amount), 0);
}

export function startSec({ window_start: start }: UsageRow): number {
  return seconds(start);
}

function endSec({ window_end: end }: UsageRow): number {
  return seconds(end);
}

function seconds(at = ''): number {
  return Date.parse(at) / 1_000;
}
