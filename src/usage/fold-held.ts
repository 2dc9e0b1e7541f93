/** Adds up the rows of Redis by hour and by the groups of a question, before Postgres adds its own. */
import type { AggregateRow } from '../aggregate/accumulator.ts';
import { addSum, formatAmount, type AmountSum } from '../core/amount.ts';
import type { UsageGroup } from './usage.ts';

/** Sums as columns, one array each, for `unnest`. A column that is not grouped by holds empty strings. */
export interface HeldSums {
  readonly windowStartSec: number[];
  readonly tenant: string[];
  readonly sku: string[];
  readonly unit: string[];
  readonly usedAmount: string[];
  readonly pulseCount: number[];
}

/** One exact sum for each hour and group. */
export function foldHeld(
  rows: Iterable<AggregateRow>,
  groups: readonly UsageGroup[],
): { sums: HeldSums; pulseCount: number } {
  const byTenant = groups.includes('tenant');
  const bySku = groups.includes('product_sku');
  const folded = new Map<string, AggregateRow & { amount: AmountSum; pulseCount: number }>();
  let pulseCount = 0;
  for (const row of rows) {
    const tenant = byTenant ? row.tenant : '';
    const sku = bySku ? row.sku : '';
    const key = `${tenant}\n${sku}\n${row.unit}\n${row.windowStartSec}`;
    let sum = folded.get(key);
    if (sum === undefined) {
      sum = { ...row, tenant, sku, amount: { high: 0, whole: 0, nano: 0 }, pulseCount: 0 };
      folded.set(key, sum);
    }
    addSum(sum.amount, row.amount);
    sum.pulseCount += row.pulseCount;
    pulseCount += row.pulseCount;
  }
  const sums = [...folded.values()];
  return {
    pulseCount,
    sums: {
      windowStartSec: sums.map((sum) => sum.windowStartSec),
      tenant: sums.map((sum) => sum.tenant),
      sku: sums.map((sum) => sum.sku),
      unit: sums.map((sum) => sum.unit),
      usedAmount: sums.map((sum) => formatAmount(sum.amount)),
      pulseCount: sums.map((sum) => sum.pulseCount),
    },
  };
}
