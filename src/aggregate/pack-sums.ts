/**
 * Sums as the commit sends them: the fields and values of one bucket in one byte string. Redis' cost is the argument,
 * not the byte, and the same goes for the client.
 *
 * It is a MessagePack array (array 32) of strings (str 16): field, value, field, value ... The text of the values is that
 * of sum-field.ts.
 *
 * @see https://github.com/msgpack/msgpack/blob/master/spec.md
 */
import { FRACTION_DIGITS, WHOLE_DIGITS } from '../core/amount.ts';
import type { ByteRange } from './key-slots.ts';
import type { CountedSum } from './sum-field.ts';

const ARRAY_32 = 0xdd;
const ARRAY_HEADER_BYTES = 5;
const STRING_16 = 0xda;
const STRING_HEADER_BYTES = 3;
/** A count and the `high` of a sum have 16 digits at most, because they are safe integers. */
const VALUE_BYTES_MAX = 16 + 1 + (16 + WHOLE_DIGITS) + 1 + FRACTION_DIGITS;

const BYTES_AT_FIRST = 1024;

const ZERO = 0x30;
const POINT = 0x2e;
const TAB = 9;
const BILLION = 10 ** 9;

/** Packs the sums of one bucket. */
export class SumPacker {
  #view = new DataView(new ArrayBuffer(BYTES_AT_FIRST));
  #end = ARRAY_HEADER_BYTES;
  #count = 0;

  add({ view, from, to }: ByteRange, sum: CountedSum): void {
    const bytesMax = to - from + 2 * STRING_HEADER_BYTES + VALUE_BYTES_MAX;
    if (this.#end + bytesMax > this.#view.byteLength) this.#grow(bytesMax);
    const target = this.#view;
    const fieldAt = this.#end + STRING_HEADER_BYTES;
    const fieldStop = fieldAt + to - from;
    writeStringHeader(target, fieldAt, fieldStop);
    copyBytes(target, fieldAt, { view, from, to });
    const valueAt = fieldStop + STRING_HEADER_BYTES;
    this.#end = writeSumValue(target, valueAt, sum);
    writeStringHeader(target, valueAt, this.#end);
    this.#count += 2;
  }

  get packed(): Buffer {
    this.#view.setUint8(0, ARRAY_32);
    this.#view.setUint32(1, this.#count);
    return Buffer.from(this.#view.buffer, 0, this.#end);
  }

  #grow(bytesMax: number): void {
    const larger = new Uint8Array(2 * this.#view.byteLength + bytesMax);
    larger.set(new Uint8Array(this.#view.buffer));
    this.#view = new DataView(larger.buffer);
  }
}

/** For some fifty bytes, a loop costs less than a call into the runtime. */
function copyBytes(target: DataView, offset: number, { view, from, to }: ByteRange): void {
  const shift = offset - from;
  let at = from;
  for (; at + 4 <= to; at += 4) target.setInt32(at + shift, view.getInt32(at));
  for (; at < to; at++) target.setUint8(at + shift, view.getUint8(at));
}

function writeStringHeader(view: DataView, from: number, to: number): void {
  view.setUint8(from - STRING_HEADER_BYTES, STRING_16);
  view.setUint16(from - 2, to - from);
}

/** Writes what `toSumValue` returns. @returns The offset after it. */
function writeSumValue(
  view: DataView,
  offset: number,
  { pulseCount, amount: { high, whole, nano } }: CountedSum,
): number {
  let at = writeDigits(view, offset, pulseCount, 1);
  view.setUint8(at++, TAB);
  if (high > 0) at = writeDigits(view, at, high, 1);
  at = writeDigits(view, at, whole, high > 0 ? WHOLE_DIGITS : 1);
  if (nano === 0) return at;
  view.setUint8(at++, POINT);
  at = writeDigits(view, at, nano, FRACTION_DIGITS);
  while (view.getUint8(at - 1) === ZERO) at--;
  return at;
}

/** Writes a number with leading zeros up to `digitsMin`, at most 18. @returns The offset after it. */
function writeDigits(view: DataView, offset: number, value: number, digitsMin: number): number {
  if (value < BILLION) return writeShortDigits(view, offset, value | 0, digitsMin);
  // In two halves, because only numbers of 32 bits divide fast.
  const high = Math.floor(value / BILLION);
  const at = writeShortDigits(view, offset, high | 0, digitsMin - 9);
  return writeShortDigits(view, at, (value - high * BILLION) | 0, 9);
}

/** @param value Of 32 bits. */
function writeShortDigits(
  view: DataView,
  offset: number,
  value: number,
  digitsMin: number,
): number {
  let digits = 1;
  for (let limit = 10; value >= limit; limit *= 10) digits++;
  digits = Math.max(digits, digitsMin);
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const quotient = (rest / 10) | 0;
    view.setUint8(at, ZERO + rest - 10 * quotient);
    rest = quotient;
  }
  return offset + digits;
}
