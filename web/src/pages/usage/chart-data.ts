/** What the charts of usage draw. Amounts become floats here: pixels need no more digits. */
import type { UsageRow } from './use-usage.ts';

export interface ChartSeries {
  readonly name: string;
  /** One for each window; null: nothing was used. */
  readonly values: readonly (number | null)[];
  readonly provisional: readonly boolean[];
}

/** One chart for each unit: gigabytes and hours have no sum. */
export interface UnitChart {
  readonly unit: string;
  /** In seconds since 1970, ascending. */
  readonly starts: readonly number[];
  readonly endSec: number;
  /** The largest first. What has no color of its own is one series at the end. */
  readonly series: readonly ChartSeries[];
}

interface Group {
  readonly name: string;
  readonly rows: UsageRow[];
  readonly total: number;
}

/** As many as there are colors that differ. */
const SERIES_MAX = 7;

export function chartsOf(rows: readonly UsageRow[]): UnitChart[] {
  return [...groupedBy(rows, ({ use_unity: unit }) => unit)].map(([unit, own]) =>
    unitChart(unit, own),
  );
}

export function groupName({ tenant, product_sku: sku }: UsageRow): string {
  return [tenant, sku].filter((name) => name !== undefined).join(' · ');
}

function unitChart(unit: string, rows: readonly UsageRow[]): UnitChart {
  const starts = [...new Set(rows.map(startSec))].sort((a, b) => a - b);
  const groups = [...groupedBy(rows, groupName)]
    .map(([name, own]): Group => ({ name, rows: own, total: sum(own) }))
    .sort((a, b) => b.total - a.total);
  const rest = groups.slice(SERIES_MAX);
  return {
    unit,
    starts,
    endSec: Math.max(...rows.map(({ window_end: end }) => seconds(end))),
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

function seconds(at = ''): number {
  return Date.parse(at) / 1_000;
}
