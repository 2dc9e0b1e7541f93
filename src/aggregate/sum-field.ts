/**
 * The text of a sum in Redis, which is what COPY reads: field `tenant⇥sku⇥unit⇥window`, value `count⇥amount`.
 *
 * The window is the UTC time of its first second, such as `2026-11-29T16:00:00Z`.
 *
 * @see https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"
 */
import type { AggregateKey } from '../contract/pulse.ts';
import { formatAmount, parseSum, type AmountSum } from '../core/amount.ts';

/** Field and value together. */
export const SUM_COLUMNS = 6;

/** Live sums are spread over so many hashes, so that a question about one tenant looks at few sums of others. */
export const SUM_BUCKETS = 32;

export interface CountedSum {
  readonly pulseCount: number;
  readonly amount: AmountSum;
}

/** The names of a key contain no control characters, so only a backslash needs an escape. */
export function toSumField(key: AggregateKey, window = toWindow(key.windowStartSec)): string {
  return `${toName(key.tenant)}\t${toName(key.sku)}\t${toName(key.unit)}\t${window}`;
}

/** A window as it is in a field: two of them compare as their times do. */
export function toWindow(windowStartSec: number): string {
  return new Date(windowStartSec * 1000).toISOString().replace('.000Z', 'Z');
}

/** @throws RangeError when `field` is not what `toSumField` writes. */
export function fromSumField(field: string): AggregateKey {
  const [tenant, sku, unit, window = ''] = field.split('\t');
  const windowStartSec = Date.parse(window) / 1000;
  if (tenant === undefined || sku === undefined || unit === undefined || isNaN(windowStartSec)) {
    throw new RangeError(`Not the field of a sum: ${field}`);
  }
  return { tenant: fromName(tenant), sku: fromName(sku), unit: fromName(unit), windowStartSec };
}

export function toSumValue(pulseCount: number, amount: Readonly<AmountSum>): string {
  return `${pulseCount}\t${formatAmount(amount)}`;
}

/** @throws RangeError when `value` is not what `toSumValue` writes. */
export function fromSumValue(value: string): CountedSum {
  const [count = '', text = ''] = value.split('\t');
  const amount = parseSum(text);
  if (!/^\d+$/.test(count) || amount === undefined) {
    throw new RangeError(`Not the value of a sum: ${value}`);
  }
  return { pulseCount: Number(count), amount };
}

/**
 * The bucket of a field: FNV-1a over the bytes of its tenant.
 *
 * @param field One character a byte.
 */
export function bucketOf(field: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < field.length; index++) {
    const byte = field.charCodeAt(index);
    if (byte === TAB) break;
    hash = Math.imul(hash ^ byte, 0x01000193);
  }
  // The low bits of FNV-1a are its weakest.
  return ((hash ^ (hash >>> 15)) >>> 0) % SUM_BUCKETS;
}

const TAB = 9;

/** A name as it is in a field. */
export function toName(name: string): string {
  return name.includes('\\') ? name.replaceAll('\\', '\\\\') : name;
}

function fromName(name: string): string {
  return name.includes('\\') ? name.replaceAll('\\\\', '\\') : name;
}
