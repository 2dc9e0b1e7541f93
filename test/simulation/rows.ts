/** Parses sums, in Redis and in the lines of COPY, and adds them up in BigInt. */
import { sumKeyOf } from './identity.ts';
import type { BatchModel } from './shard-model.ts';
import { Violation } from './world.ts';

export interface Sum {
  readonly nanos: bigint;
  readonly count: number;
}

/** @throws Violation unless `lines` are exactly the rows of the batch, each of them once. */
export function assertExactRows({ batchId, sums }: BatchModel, lines: readonly string[]): void {
  const left = new Map(sums);
  for (const { field, value } of lines.map(rowOf)) {
    const sum = left.get(field);
    if (sum === undefined) throw new Violation(`${batchId}: a row twice, or of another batch`);
    if (sum !== value) throw new Violation(`${batchId}: ${field} is not exact`);
    left.delete(field);
  }
  if (left.size > 0) throw new Violation(`${batchId}: ${left.size} rows lost`);
}

/** The sums per tenant, SKU and unit. */
export function sumsOf(lines: readonly string[]): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  for (const { field, value } of lines.map(rowOf)) addTo(sums, sumKeyOf(field), parseValue(value));
  return sums;
}

export function addTo(sums: Map<string, Sum>, key: string, { nanos, count }: Sum): void {
  const sum = sums.get(key) ?? { nanos: 0n, count: 0 };
  sums.set(key, { nanos: sum.nanos + nanos, count: sum.count + count });
}

/** @throws Violation unless every key has the same sum on both sides. */
export function assertSameSums(
  found: ReadonlyMap<string, Sum>,
  expected: ReadonlyMap<string, Sum>,
  where: string,
): void {
  for (const key of new Set([...found.keys(), ...expected.keys()])) {
    const [is, mustBe] = [found, expected].map((sums) => sumText(sums.get(key)));
    if (is !== mustBe) throw new Violation(`${key}: ${is} ${where}, ${mustBe} expected`);
  }
}

/** What a sum in Redis, `count⇥amount`, stands for. */
export function parseValue(value: string): Sum {
  const [count = '', amount = ''] = value.split('\t');
  const [whole = '', fraction = ''] = amount.split('.');
  return { nanos: BigInt(whole + fraction.padEnd(9, '0')), count: Number(count) };
}

function sumText(sum: Sum | undefined): string {
  return sum === undefined ? 'nothing' : `${sum.nanos} nanos of ${sum.count} pulses`;
}

/** A line is the id, the field, the value and the batch id. */
function rowOf(line: string): { field: string; value: string } {
  const columns = line.split('\t');
  if (columns.length !== 8) throw new Violation(`no row: ${line}`);
  return { field: columns.slice(1, 5).join('\t'), value: columns.slice(5, 7).join('\t') };
}
