/** Reads what COPY gets in binary back into lines of its text format. */
import { toSumField } from '../../src/aggregate/sum-field.ts';

const SIGNATURE_BYTES = 19;
const POSTGRES_EPOCH_SEC = Date.UTC(2000, 0) / 1000;

/** @returns The lines: id, field, value and batch id, with tabs. */
export function linesOfBinary(bytes: Buffer): string[] {
  const lines: string[] = [];
  for (let at = SIGNATURE_BYTES; ;) {
    const columnCount = bytes.readInt16BE(at);
    at += 2;
    if (columnCount === -1) {
      if (at !== bytes.length) throw new Error('The end of the rows is not the end of the bytes.');
      return lines;
    }
    const columns: Buffer[] = [];
    for (let column = 0; column < columnCount; column++) {
      const end = at + 4 + bytes.readInt32BE(at);
      columns.push(bytes.subarray(at + 4, end));
      at = end;
    }
    lines.push(lineOf(columns));
  }
}

function lineOf(columns: readonly Buffer[]): string {
  const [id, tenant, sku, unit, window, count, amount, batchId] = columns as [
    ...[Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer, Buffer],
  ];
  const field = toSumField({
    tenant: tenant.toString(),
    sku: sku.toString(),
    unit: unit.toString(),
    windowStartSec: Number(window.readBigInt64BE()) / 1_000_000 + POSTGRES_EPOCH_SEC,
  });
  const uuid = batchId.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  return [id.readBigInt64BE(), field, count.readBigInt64BE(), decimalOf(amount), uuid].join('\t');
}

/** A numeric: how many digits to the base of 10,000, the weight of the first, the sign, the scale; then the digits. */
function decimalOf(bytes: Buffer): string {
  const [count, weight, sign] = [0, 2, 4].map((at) => bytes.readInt16BE(at)) as [
    ...[number, number, number],
  ];
  if (sign !== 0) throw new Error('An amount is positive.');
  let scaled = 0n;
  for (let digit = 0; digit < count; digit++) {
    scaled += BigInt(bytes.readInt16BE(8 + 2 * digit)) * 10_000n ** BigInt(weight - digit + 3);
  }
  const text = String(scaled).padStart(13, '0');
  return `${text.slice(0, -12)}.${text.slice(-12)}`.replace(/\.?0+$/, '');
}
