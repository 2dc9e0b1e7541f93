/** Adds up the rows of Redis by hour and by the groups of a question, before Postgres adds its own. */
import type { AggregateRow } from '../aggregate/accumulator.ts';
import { addSum, formatAmount, type AmountSum } from '../core/amount.ts';
import { createWorkTurns } from '../platform/work-turns.ts';
import type { UsageGroup } from './usage.ts';

/**
 * Sums as columns for `unnest`, each a literal of an array: of an array, pg makes the literal in one piece, which
 * would hold up everybody for long. A column that is not grouped by holds empty strings.
 */
export interface HeldSums {
  readonly isEmpty: boolean;
  readonly windowStartSec: string;
  readonly tenant: string;
  readonly sku: string;
  readonly unit: string;
  readonly usedAmount: string;
  readonly pulseCount: string;
}

export const NOTHING_HELD: HeldSums = {
  isEmpty: true,
  windowStartSec: '{}',
  tenant: '{}',
  sku: '{}',
  unit: '{}',
  usedAmount: '{}',
  pulseCount: '{}',
};

/** Some 0.3 ms of work. */
const ROWS_AT_A_TIME = 100;

type FoldedRow = AggregateRow & { amount: AmountSum; pulseCount: number };

/** One exact sum for each hour and group. Others have their turn meanwhile, because there may be 100,000 rows. */
export async function foldHeld(
  rows: readonly AggregateRow[],
  groups: readonly UsageGroup[],
): Promise<{ sums: HeldSums; pulseCount: number }> {
  const nextTurn = createWorkTurns();
  const byTenant = groups.includes('tenant');
  const bySku = groups.includes('product_sku');
  const folded = new Map<string, FoldedRow>();
  let pulseCount = 0;
  for (const [index, row] of rows.entries()) {
    if (index % ROWS_AT_A_TIME === 0) await nextTurn();
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
  return { sums: await toColumns([...folded.values()], nextTurn), pulseCount };
}

async function toColumns(
  rows: readonly FoldedRow[],
  nextTurn: () => Promise<void>,
): Promise<HeldSums> {
  const literalOf = async (elementOf: (row: FoldedRow) => string | number): Promise<string> => {
    const parts: string[] = [];
    for (let start = 0; start < rows.length; start += ROWS_AT_A_TIME) {
      await nextTurn();
      const some = rows.slice(start, start + ROWS_AT_A_TIME);
      parts.push(some.map(elementOf).join(','));
    }
    return `{${parts.join(',')}}`;
  };
  return {
    isEmpty: rows.length === 0,
    windowStartSec: await literalOf(({ windowStartSec }) => windowStartSec),
    tenant: await literalOf(({ tenant }) => quoted(tenant)),
    sku: await literalOf(({ sku }) => quoted(sku)),
    unit: await literalOf(({ unit }) => quoted(unit)),
    usedAmount: await literalOf(({ amount }) => formatAmount(amount)),
    pulseCount: await literalOf(({ pulseCount }) => pulseCount),
  };
}

/** A text in the literal of an array. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
