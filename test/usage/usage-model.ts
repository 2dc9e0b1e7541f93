/** Usage as a person would add it up: over a list of pulses, with BigInt and JavaScript's own calendar. */
import type { Pulse } from '../../src/contract/pulse.ts';
import type { UsageGroup, UsageRow, UsageWindow } from '../../src/usage/usage.ts';
import { decimalOf, toNanos } from '../support/pulses.ts';

/** The part of a query that determines the sums. */
export interface ModelQuery {
  readonly window: UsageWindow;
  readonly tz: string;
  readonly groups: readonly UsageGroup[];
  readonly tenants?: readonly string[] | undefined;
  readonly skus?: readonly string[] | undefined;
  readonly units?: readonly string[] | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** One sum: the window as a date, the groups, the amount, the count. */
export type ModelRow = string;

/** The rows that the pulses must produce, in ascending order. */
export function modelRows(pulses: readonly Pulse[], query: ModelQuery): ModelRow[] {
  const sums = new Map<string, { key: string[]; nanos: bigint; count: number }>();
  for (const pulse of pulses) {
    if (!isAskedFor(pulse, query)) continue;
    const names = { tenant: pulse.tenant, product_sku: pulse.sku, use_unity: pulse.unit };
    const key = [
      windowName(pulse.windowStartSec * 1000, query),
      ...query.groups.map((group) => names[group]),
    ];
    const sum = sums.get(JSON.stringify(key)) ?? { key, nanos: 0n, count: 0 };
    sum.nanos += toNanos(pulse.amount);
    sum.count += 1;
    sums.set(JSON.stringify(key), sum);
  }
  return [...sums.values()]
    .sort((left, right) => compareKeys(left.key, right.key))
    .map(({ key, nanos, count }) => JSON.stringify([...key, decimalOf(nanos), count]));
}

/** A row of the answer in the model's form. */
export function toModelRow(row: UsageRow, query: ModelQuery): ModelRow {
  const start = row.window_start ?? '';
  const window =
    query.window === 'hour'
      ? new Date(start).toISOString()
      : start.slice(0, query.window === 'month' ? 7 : 10);
  const groups = query.groups.map((group) => row[group] ?? '');
  return JSON.stringify([window, ...groups, row.used_amount, row.pulse_count]);
}

function isAskedFor({ tenant, sku, unit, windowStartSec }: Pulse, query: ModelQuery): boolean {
  const ms = windowStartSec * 1000;
  return (
    (query.tenants?.includes(tenant) ?? true) &&
    (query.skus?.includes(sku) ?? true) &&
    (query.units?.includes(unit) ?? true) &&
    ms >= (query.fromMs ?? -Infinity) &&
    ms < (query.toMs ?? Infinity)
  );
}

function windowName(ms: number, { window, tz }: ModelQuery): string {
  if (window === 'none') return '';
  if (window === 'hour') return new Date(ms).toISOString();
  // Swedish writes dates as ISO 8601 does.
  const date = new Intl.DateTimeFormat('sv-SE', { timeZone: tz, dateStyle: 'short' }).format(ms);
  return window === 'month' ? date.slice(0, 7) : date;
}

/** Compares bytes, as the "C" collation does. */
function compareKeys(left: readonly string[], right: readonly string[]): number {
  for (const [index, text] of left.entries()) {
    const order = Buffer.compare(Buffer.from(text), Buffer.from(right[index] ?? ''));
    if (order !== 0) return order;
  }
  return 0;
}
