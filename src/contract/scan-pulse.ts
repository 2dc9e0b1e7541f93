/**
 * Reads pulses of the usual shape from the bytes of a body, several times faster than JSON.parse and parsePulse.
 *
 * The usual shape: the members of the contract in any order, each once, with an id; texts of printable ASCII without
 * escapes; an amount of at most 15 significant digits without exponent; a timestamp in UTC (`Z`). Everything else is
 * left to `parsePulse`: the scanner returns exactly the pulse that `parsePulse` would return, or nothing.
 */
import type { Amount } from '../core/amount.ts';
import type { ParsedPulse } from './pulse.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import { windowStartSec } from '../core/window.ts';
import * as ascii from './ascii.ts';
import * as rules from './rules.ts';
import { TextTable } from './text-table.ts';

/** The earliest and the latest timestamp that a pulse may have, in milliseconds since 1970. */
export interface TimeBounds {
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** Member names with their closing quote. */
const TENANT_NAME = nameBytes('tenant');
const SKU_NAME = nameBytes('product_sku');
const UNIT_NAME = nameBytes('use_unity');
const AMOUNT_NAME = nameBytes('used_amount');
const ID_NAME = nameBytes('id');
const TIMESTAMP_NAME = nameBytes('timestamp');

const POWERS_OF_TEN = Float64Array.from({ length: 10 }, (_, exponent) => 10 ** exponent);
const HOUR_LENGTH = 'YYYY-MM-DDTHH'.length;

/** One bit for each member that was read. */
const [TENANT, SKU, UNIT, AMOUNT, ID, TIMESTAMP] = [1, 2, 4, 8, 16, 32];
const ALL = TENANT | SKU | UNIT | AMOUNT | ID | TIMESTAMP;

/** Remembers the hour that it parsed last: most pulses are in the same one. */
export class PulseScanner {
  readonly #windowSeconds: number;
  #bytes: Buffer = Buffer.alloc(0);
  readonly #texts = new TextTable();
  #at = 0;
  #hourBytes: Uint8Array = nameBytes('none yet');
  #hourMs = 0;
  #tenant = '';
  #sku = '';
  #unit = '';
  #id = '';
  #amount: Amount = { whole: 0, nano: 0 };
  #timeMs = 0;
  /** Start and hash of the text that was found last. */
  #start = 0;
  #hash = 0;

  constructor(windowSeconds: number) {
    this.#windowSeconds = windowSeconds;
  }

  /** The pulse, or the pulses of an array; undefined when anything is unusual. */
  scan(bytes: Buffer, bounds: TimeBounds): ParsedPulse | ParsedPulse[] | undefined {
    this.#bytes = bytes;
    this.#at = 0;
    const first = bytes[0];
    let scanned: ParsedPulse | ParsedPulse[] | undefined;
    if (first === ascii.OPEN_OBJECT) scanned = this.#readPulse(bounds);
    else if (first === ascii.OPEN_ARRAY) scanned = this.#readArray(bounds);
    return this.#at === bytes.length ? scanned : undefined;
  }

  #readArray(bounds: TimeBounds): ParsedPulse[] | undefined {
    const pulses: ParsedPulse[] = [];
    do {
      this.#at += 1;
      const pulse = this.#nextCode() === ascii.OPEN_OBJECT ? this.#readPulse(bounds) : undefined;
      if (pulse === undefined || pulses.length === rules.ARRAY_LENGTH_MAX) return undefined;
      pulses.push(pulse);
    } while (this.#nextCode() === ascii.COMMA);
    return this.#take(ascii.CLOSE_ARRAY) ? pulses : undefined;
  }

  /** Reads from the opening brace to after the closing one. */
  #readPulse({ earliestMs, latestMs }: TimeBounds): ParsedPulse | undefined {
    let seen = 0;
    do {
      this.#at += 1;
      const member = this.#readMember();
      if (member === 0 || (seen & member) !== 0) return undefined;
      seen |= member;
    } while (this.#nextCode() === ascii.COMMA);
    if (seen !== ALL || !this.#take(ascii.CLOSE_OBJECT)) return undefined;
    if (this.#timeMs < earliestMs || this.#timeMs > latestMs) return undefined;
    return {
      tenant: this.#tenant,
      sku: this.#sku,
      unit: this.#unit,
      amount: this.#amount,
      usedAtMs: this.#timeMs,
      windowStartSec: windowStartSec(this.#timeMs, this.#windowSeconds),
      id: this.#id,
    };
  }

  /** @returns The member's bit; 0 when it is unusual. */
  #readMember(): number {
    if (this.#nextCode() !== ascii.QUOTE) return 0;
    const bytes = this.#bytes;
    const at = this.#at + 1;
    switch (bytes[at] ?? 0) {
      case ascii.LOWER_T:
        if (this.#isAt(TENANT_NAME, at)) return this.#readTenant(at + TENANT_NAME.length);
        if (this.#isAt(TIMESTAMP_NAME, at)) return this.#readTimestamp(at + TIMESTAMP_NAME.length);
        return 0;
      case ascii.LOWER_P:
        return this.#isAt(SKU_NAME, at) ? this.#readSku(at + SKU_NAME.length) : 0;
      case ascii.LOWER_U:
        if (this.#isAt(UNIT_NAME, at)) return this.#readUnit(at + UNIT_NAME.length);
        if (this.#isAt(AMOUNT_NAME, at)) return this.#readAmount(at + AMOUNT_NAME.length);
        return 0;
      case ascii.LOWER_I:
        return this.#isAt(ID_NAME, at) ? this.#readId(at + ID_NAME.length) : 0;
      default:
        return 0;
    }
  }

  #isAt(name: Uint8Array, at: number): boolean {
    const bytes = this.#bytes;
    for (let index = 0; index < name.length; index++) {
      if (bytes[at + index] !== name[index]) return false;
    }
    return true;
  }

  #readTenant(at: number): number {
    this.#tenant = this.#readText(at, rules.TENANT_LENGTH_MAX);
    return this.#tenant === '' ? 0 : TENANT;
  }

  #readSku(at: number): number {
    this.#sku = this.#readText(at, rules.SKU_LENGTH_MAX);
    return this.#sku === '' ? 0 : SKU;
  }

  #readUnit(at: number): number {
    this.#unit = this.#readText(at, rules.UNIT_LENGTH_MAX);
    return this.#unit === '' ? 0 : UNIT;
  }

  /** A text that many pulses share; empty when it is unusual. */
  #readText(at: number, lengthMax: number): string {
    const end = this.#findEnd(at, lengthMax);
    return end < 0 ? '' : this.#texts.at(this.#bytes, this.#start, end, this.#hash);
  }

  #readId(at: number): number {
    const end = this.#findEnd(at, rules.ID_LENGTH_MAX);
    if (end < 0) return 0;
    this.#id = this.#bytes.toString('latin1', this.#start, end);
    return ID;
  }

  /**
   * Reads from after the member's name to after its text, which must not be empty; stores its start and hash.
   * @returns The end of the text; -1 when it is unusual.
   */
  #findEnd(afterName: number, lengthMax: number): number {
    if (!this.#takeColon(afterName) || !this.#take(ascii.QUOTE)) return -1;
    const bytes = this.#bytes;
    const start = this.#at;
    const endMax = Math.min(start + lengthMax, bytes.length - 1);
    let end = start;
    let hash = 0;
    for (;;) {
      const byte = bytes[end] ?? 0;
      if (byte === ascii.QUOTE) break;
      if (byte < ascii.SPACE || byte >= ascii.DELETE || byte === ascii.BACKSLASH || end === endMax)
        return -1;
      hash = Math.imul(hash, 31) + byte;
      end += 1;
    }
    if (end === start) return -1;
    this.#start = start;
    this.#hash = hash;
    this.#at = end + 1;
    return end;
  }

  #readAmount(afterName: number): number {
    if (!this.#takeColon(afterName)) return 0;
    const isText = this.#take(ascii.QUOTE);
    const start = this.#at;
    const whole = this.#readDigits();
    const wholeDigits = this.#at - start;
    let nano = 0;
    let fractionDigits = 0;
    if (this.#bytes[this.#at] === ascii.POINT) {
      this.#at += 1;
      const fraction = this.#readDigits();
      fractionDigits = this.#at - start - wholeDigits - 1;
      if (fractionDigits === 0 || fractionDigits > rules.FRACTION_DIGITS_MAX) return 0;
      nano = fraction * (POWERS_OF_TEN[rules.FRACTION_DIGITS_MAX - fractionDigits] ?? 0);
    }
    const isUsual =
      wholeDigits > 0 &&
      wholeDigits + fractionDigits <= rules.NUMBER_DIGITS_MAX &&
      // JSON forbids a leading zero in a number; in a text it is rare.
      (wholeDigits === 1 || this.#bytes[start] !== ascii.ZERO) &&
      (whole > 0 || nano > 0) &&
      (!isText || this.#take(ascii.QUOTE));
    if (!isUsual) return 0;
    this.#amount = { whole, nano };
    return AMOUNT;
  }

  /** Reads to after the digits. Beyond 15 of them the value is not exact. */
  #readDigits(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let value = 0;
    for (;;) {
      const byte = bytes[at] ?? 0;
      if (byte < ascii.ZERO || byte > ascii.NINE) break;
      value = value * 10 + (byte - ascii.ZERO);
      at += 1;
    }
    this.#at = at;
    return value;
  }

  #readTimestamp(afterName: number): number {
    if (!this.#takeColon(afterName) || !this.#take(ascii.QUOTE)) return 0;
    const at = this.#at;
    if (!this.#isAt(this.#hourBytes, at) && !this.#readHour(at)) return 0;
    const minute = this.#readSixty(at + HOUR_LENGTH);
    const second = this.#readSixty(at + HOUR_LENGTH + 3);
    if (minute < 0 || second < 0) return 0;
    this.#at = at + HOUR_LENGTH + 6;
    const millisecond = this.#readMillisecond();
    if (millisecond < 0 || !this.#take(ascii.UPPER_Z) || !this.#take(ascii.QUOTE)) return 0;
    this.#timeMs = this.#hourMs + (minute * 60 + second) * 1000 + millisecond;
    return TIMESTAMP;
  }

  #readHour(at: number): boolean {
    const bytes = this.#bytes.subarray(at, at + HOUR_LENGTH);
    const hourMs = parseTimestamp(`${bytes.toString('latin1')}:00:00Z`);
    if (hourMs === undefined) return false;
    this.#hourBytes = Uint8Array.from(bytes);
    this.#hourMs = hourMs;
    return true;
  }

  /** `:00` to `:59`; -1 for anything else. */
  #readSixty(at: number): number {
    const bytes = this.#bytes;
    const tens = (bytes[at + 1] ?? 0) - ascii.ZERO;
    const ones = (bytes[at + 2] ?? 0) - ascii.ZERO;
    const isRight = bytes[at] === ascii.COLON && tens >= 0 && tens <= 5 && ones >= 0 && ones <= 9;
    return isRight ? tens * 10 + ones : -1;
  }

  /** A fraction of a second, truncated to milliseconds: 0 when there is none, -1 when it is invalid. */
  #readMillisecond(): number {
    if (this.#bytes[this.#at] !== ascii.POINT) return 0;
    this.#at += 1;
    const start = this.#at;
    const fraction = this.#readDigits();
    const digits = this.#at - start;
    if (digits === 0 || digits > rules.FRACTION_DIGITS_MAX) return -1;
    return Math.floor((fraction * 1000) / (POWERS_OF_TEN[digits] ?? 1));
  }

  #takeColon(at: number): boolean {
    this.#at = at;
    if (this.#nextCode() !== ascii.COLON) return false;
    this.#at += 1;
    this.#nextCode();
    return true;
  }

  #take(code: number): boolean {
    if (this.#bytes[this.#at] !== code) return false;
    this.#at += 1;
    return true;
  }

  /** Skips spaces. @returns The next character, which is not consumed. */
  #nextCode(): number {
    let code = this.#bytes[this.#at] ?? 0;
    while (code === ascii.SPACE) {
      this.#at += 1;
      code = this.#bytes[this.#at] ?? 0;
    }
    return code;
  }
}

function nameBytes(name: string): Uint8Array {
  return Uint8Array.from(Buffer.from(`${name}"`));
}
