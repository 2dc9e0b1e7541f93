/** Parses the lines of COPY and adds them up in BigInt. */
import { fromField } from '../../src/aggregate/keys.ts';
import { sumKeyOf } from './identity.ts';
import type { BatchModel } from './redis-model.ts';
import { Violation } from './world.ts';

interface Row {
  /** Tenant, SKU, unit and hour, encoded as a hash field. */
  readonly field: string;
  readonly nanos: bigint;
  readonly count: number;
}

/** @throws Violation unless `lines` are exactly the rows of the batch, each of them once. */
export function assertExactRows(batch: BatchModel, lines: readonly string[]): void {
  const left = new Map(batch.sums);
  for (const { field, nanos, count } of lines.map(rowOf)) {
    const sum = left.get(field);
    if (sum === undefined)
      throw new Violation(`${batch.batchId}: a row twice, or of another batch`);
    if (sum.nanos !== nanos || sum.count !== count) {
      throw new Violation(`${batch.batchId}: ${field} is not exact`);
    }
    left.delete(field);
  }
  if (left.size > 0) throw new Violation(`${batch.batchId}: ${left.size} rows lost`);
}

/** Nanos per tenant, SKU and unit. */
export function sumsOf(lines: readonly string[]): Map<string, bigint> {
  const sums = new Map<string, bigint>();
  for (const { field, nanos } of lines.map(rowOf)) {
    const key = sumKeyOf(field);
    sums.set(key, (sums.get(key) ?? 0n) + nanos);
  }
  return sums;
}

function rowOf(line: string): Row {
  const [tenant = '', sku = '', unit = '', amount = '', count, windowStart = ''] = line.split('\t');
  const [whole = '', fraction = ''] = amount.split('.');
  const hours = Date.parse(windowStart) / 3_600_000;
  const field = [tenant, sku, unit, String(hours)].join('\x1f');
  if (fromField(field) === undefined) throw new Violation(`no row: ${line}`);
  return { field, nanos: BigInt(whole + fraction.padEnd(9, '0')), count: Number(count) };
}
