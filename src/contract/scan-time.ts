/** Reads timestamps of the usual shapes, such as `2026-11-22T04:10:00Z`, `…00.250Z` and `…00+02:00`, from bytes. */
import { parseTimestamp } from '../core/timestamp.ts';
import * as ascii from './ascii.ts';

const HOUR_LENGTH = 'YYYY-MM-DDTHH'.length;
const FRACTION_DIGITS_MAX = 9;

/** Remembers the hour that it parsed last: most pulses are in the same one. */
export class TimeScanner {
  /** The time that was read last, in milliseconds since 1970. */
  timeMs = 0;
  readonly #hour = new Uint8Array(HOUR_LENGTH);
  #hourMs = 0;

  /** Reads from the first digit to before the closing quote. @returns The end; -1 when it is unusual or wrong. */
  scan(bytes: Buffer, start: number): number {
    if (!this.#isSameHour(bytes, start) && !this.#readHour(bytes, start)) return -1;
    const minute = readSixty(bytes, start + HOUR_LENGTH);
    const second = readSixty(bytes, start + HOUR_LENGTH + 3);
    if (minute < 0 || second < 0) return -1;
    this.timeMs = this.#hourMs + (minute * 60 + second) * 1000;
    let at = start + HOUR_LENGTH + 6;
    if (bytes[at] === ascii.POINT) at = this.#addFraction(bytes, at + 1);
    if (at < 0) return -1;
    return bytes[at] === ascii.UPPER_Z ? at + 1 : this.#subtractOffset(bytes, at);
  }

  #isSameHour(bytes: Buffer, start: number): boolean {
    const hour = this.#hour;
    // From the end, where two hours differ.
    for (let index = HOUR_LENGTH - 1; index >= 0; index--) {
      if (bytes[start + index] !== hour[index]) return false;
    }
    return true;
  }

  #readHour(bytes: Buffer, start: number): boolean {
    const hour = bytes.subarray(start, start + HOUR_LENGTH);
    const hourMs = parseTimestamp(`${hour.toString('latin1')}:00:00Z`);
    if (hourMs === undefined) return false;
    this.#hour.set(hour);
    this.#hourMs = hourMs;
    return true;
  }

  /** Cuts the fraction of a second to milliseconds. @returns Its end; -1 when it is unusual. */
  #addFraction(bytes: Buffer, start: number): number {
    let at = start;
    let weight = 100;
    for (; isDigit(bytes[at]); at++) {
      if (weight >= 1) this.timeMs += weight * ((bytes[at] ?? 0) - ascii.ZERO);
      weight /= 10;
    }
    return at === start || at - start > FRACTION_DIGITS_MAX ? -1 : at;
  }

  /** Reads `+02:00` or `-03:30`. */
  #subtractOffset(bytes: Buffer, at: number): number {
    const sign = bytes[at];
    if (sign !== ascii.PLUS && sign !== ascii.MINUS) return -1;
    if (!isDigit(bytes[at + 1]) || !isDigit(bytes[at + 2])) return -1;
    const hours = ((bytes[at + 1] ?? 0) - ascii.ZERO) * 10 + (bytes[at + 2] ?? 0) - ascii.ZERO;
    const minutes = readSixty(bytes, at + 3);
    if (hours > 23 || minutes < 0) return -1;
    const offsetMs = (hours * 60 + minutes) * 60_000;
    this.timeMs += sign === ascii.PLUS ? -offsetMs : offsetMs;
    return at + 6;
  }
}

/** `:00` to `:59`; -1 for anything else. */
function readSixty(bytes: Buffer, at: number): number {
  const tens = (bytes[at + 1] ?? 0) - ascii.ZERO;
  const ones = (bytes[at + 2] ?? 0) - ascii.ZERO;
  const isRight = bytes[at] === ascii.COLON && tens >= 0 && tens <= 5 && ones >= 0 && ones <= 9;
  return isRight ? tens * 10 + ones : -1;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= ascii.ZERO && byte <= ascii.NINE;
}
