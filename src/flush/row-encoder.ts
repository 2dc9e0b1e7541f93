/**
 * Turns the text of sums, as Redis has it, into rows as COPY reads them in binary, in one pass over the bytes and without
 * an object a row: what is not read here byte by byte costs more than all that Postgres does with a row.
 *
 * @see https://www.postgresql.org/docs/current/sql-copy.html, "Binary Format"
 */
import { FRACTION_DIGITS, formatAmount, NANO_LIMB, WHOLE_DIGITS } from '../core/amount.ts';

/** Rows of one month whose ids agree in all but their last 14 bits; see migrations/0036_pulse_pages.sql. */
export interface BlockCount {
  readonly block: number;
  /** Its first day, UTC: `2026-11-01`. */
  readonly month: string;
  rowCount: number;
  windowMinSec: number;
  windowMaxSec: number;
}

/** What was encoded. */
export interface EncodedCounts {
  readonly rowCount: number;
  readonly pulseCount: bigint;
  /** The sum of all amounts. */
  readonly amount: string;
  readonly blocks: readonly BlockCount[];
}

export interface RowEncoderOptions {
  readonly batchId: string;
  /** The id of the first row; the others follow. */
  readonly firstId: number;
  /** How many ids there are. Rows beyond them are counted, and not encoded. */
  readonly idCount: number;
}

/** The signature, no flags, no extension. */
export const COPY_HEADER = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
export const COPY_TRAILER = Buffer.from([0xff, 0xff]);

const BLOCK_IDS = 2 ** 14;
const COLUMNS = 8;
const TAB = 9;
const POINT = 46;
const BACKSLASH = 92;
const ZERO = 48;
const WORD = 2 ** 32;
const WINDOW_LENGTH = '2026-11-29T16:00:00Z'.length;
const COUNT_DIGITS_MAX = 16;
/** Postgres counts microseconds from the year 2000. */
const POSTGRES_EPOCH_SEC = Date.UTC(2000, 0) / 1000;
/** A numeric has digits to the base of 10,000, aligned to the point. */
const GROUP_DIGITS = 4;
const FRACTION_GROUPS = Math.ceil(FRACTION_DIGITS / GROUP_DIGITS);
const WHOLE_GROUPS = Math.ceil((2 * WHOLE_DIGITS) / GROUP_DIGITS);
const UUID_BYTES = 16;
/** The columns but for the names, with the lengths of all, in a row with the longest amount. */
const FIXED_BYTES = 2 + COLUMNS * 4 + 3 * 8 + 8 + 2 * (WHOLE_GROUPS + FRACTION_GROUPS) + UUID_BYTES;
/** Names of one byte, a count and an amount of one digit, and a tab after each column. */
const SHORTEST_ROW = 5 * 2 + WINDOW_LENGTH + 2;

export class RowEncoder {
  readonly #options: RowEncoderOptions;
  readonly #batchId: Buffer;
  readonly #blocks: BlockCount[] = [];
  /** Those of the latest block, by month. */
  #months = new Map<number, BlockCount>();
  #rowCount = 0;
  #pulseCount = 0n;
  /** Of the present chunk. */
  #pulsesHigh = 0;
  #pulsesLow = 0;
  /** The sum of the amounts by group of digits, the last ones first: 2⁵³ is more than the groups of 10¹¹ rows. */
  readonly #groups = new Float64Array(FRACTION_GROUPS + WHOLE_GROUPS);
  #from: Buffer = Buffer.alloc(0);
  #at = 0;
  #to = new DataView(new ArrayBuffer(0));
  #end = 0;

  constructor(options: RowEncoderOptions) {
    this.#options = options;
    this.#batchId = Buffer.from(options.batchId.replaceAll('-', ''), 'hex');
    if (!Number.isSafeInteger(options.firstId + options.idCount)) {
      throw new RangeError(`The ids from ${options.firstId} on have too many digits.`);
    }
  }

  /**
   * @param rows Whole sums: six columns each, with a tab between all of them. See sum-field.ts.
   * @throws RangeError when they are not that.
   */
  encode(rows: Buffer): Buffer {
    const length = rows.length + FIXED_BYTES * Math.ceil((rows.length + 1) / SHORTEST_ROW);
    if (this.#to.byteLength < length) this.#to = new DataView(new ArrayBuffer(length * 2));
    this.#from = rows;
    this.#at = 0;
    this.#end = 0;
    while (this.#at < rows.length) this.#row();
    this.#pulseCount += BigInt(this.#pulsesHigh) * BigInt(WORD) + BigInt(this.#pulsesLow);
    this.#pulsesHigh = 0;
    this.#pulsesLow = 0;
    return Buffer.from(new Uint8Array(this.#to.buffer, 0, this.#end));
  }

  get counts(): EncodedCounts {
    const { length } = this.#groups;
    let sum = 0n;
    for (let group = length - 1; group >= 0; group--) {
      sum = sum * 10_000n + BigInt(this.#groups[group] ?? 0);
    }
    // In units of 10⁻⁹, of which a group has a part.
    sum /= 10n ** BigInt(FRACTION_GROUPS * GROUP_DIGITS - FRACTION_DIGITS);
    const nano = BigInt(NANO_LIMB);
    const limb = 10n ** BigInt(WHOLE_DIGITS);
    const amount = formatAmount({
      high: Number(sum / nano / limb),
      whole: Number((sum / nano) % limb),
      nano: Number(sum % nano),
    });
    return {
      rowCount: this.#rowCount,
      pulseCount: this.#pulseCount,
      amount,
      blocks: this.#blocks,
    };
  }

  #row(): void {
    const begin = this.#end;
    const id = this.#options.firstId + this.#rowCount;
    this.#to.setInt16(begin, COLUMNS);
    this.#end += 2;
    this.#long(Math.floor(id / WORD), id % WORD);
    this.#name();
    this.#name();
    this.#name();
    this.#window(id);
    this.#pulses();
    this.#amount();
    this.#to.setInt32(this.#end, UUID_BYTES);
    new Uint8Array(this.#to.buffer).set(this.#batchId, this.#end + 4);
    this.#end += 4 + UUID_BYTES;
    this.#rowCount += 1;
    if (this.#rowCount > this.#options.idCount) this.#end = begin;
  }

  #long(high: number, low: number): void {
    this.#to.setInt32(this.#end, 8);
    this.#to.setInt32(this.#end + 4, high);
    this.#to.setUint32(this.#end + 8, low);
    this.#end += 12;
  }

  #name(): void {
    const from = this.#from;
    const to = this.#to;
    const begin = this.#end;
    let end = begin + 4;
    let at = this.#at;
    for (; at < from.length; at++) {
      const byte = from[at] ?? 0;
      if (byte === TAB) break;
      // A backslash is doubled.
      if (byte === BACKSLASH && from[++at] !== BACKSLASH) throw this.#wrong();
      to.setUint8(end++, byte);
    }
    if (at === this.#at || at >= from.length) throw this.#wrong();
    to.setInt32(begin, end - begin - 4);
    this.#end = end;
    this.#at = at + 1;
  }

  /** Digits from `at` on. */
  #digits(at: number, count: number): number {
    let number = 0;
    for (let digit = at; digit < at + count; digit++) {
      const value = (this.#from[digit] ?? 0) - ZERO;
      if (value < 0 || value > 9) throw this.#wrong();
      number = number * 10 + value;
    }
    return number;
  }

  #window(id: number): void {
    const at = this.#at;
    if (this.#from[at + WINDOW_LENGTH] !== TAB) throw this.#wrong();
    const year = this.#digits(at, 4);
    const month = this.#digits(at + 5, 2);
    const days = daysSince1970(year, month, this.#digits(at + 8, 2));
    const hours = days * 24 + this.#digits(at + 11, 2);
    const seconds = (hours * 60 + this.#digits(at + 14, 2)) * 60 + this.#digits(at + 17, 2);
    const micros = (seconds - POSTGRES_EPOCH_SEC) * 1_000_000;
    const high = Math.floor(micros / WORD);
    this.#long(high, micros - high * WORD);
    this.#at = at + WINDOW_LENGTH + 1;
    const count = this.#blockOf(id, year * 12 + month - 1);
    count.rowCount += 1;
    if (seconds < count.windowMinSec) count.windowMinSec = seconds;
    if (seconds > count.windowMaxSec) count.windowMaxSec = seconds;
  }

  #blockOf(id: number, month: number): BlockCount {
    const block = Math.floor(id / BLOCK_IDS);
    if (block !== this.#blocks.at(-1)?.block) this.#months = new Map();
    let count = this.#months.get(month);
    if (count === undefined) {
      count = {
        block,
        month: new Date(Date.UTC(2000, month - 2000 * 12)).toISOString().slice(0, 10),
        rowCount: 0,
        windowMinSec: Infinity,
        windowMaxSec: -Infinity,
      };
      this.#months.set(month, count);
      this.#blocks.push(count);
    }
    return count;
  }

  #pulses(): void {
    const digits = this.#columnEnd() - this.#at;
    const count = this.#digits(this.#at, digits);
    if (digits === 0 || digits > COUNT_DIGITS_MAX || !Number.isSafeInteger(count))
      throw this.#wrong();
    const high = Math.floor(count / WORD);
    const low = count % WORD;
    this.#long(high, low);
    this.#pulsesHigh += high;
    this.#pulsesLow += low;
    this.#at += digits + 1;
  }

  #amount(): void {
    const from = this.#from;
    const to = this.#to;
    const at = this.#at;
    const end = this.#columnEnd();
    let point = at;
    while (point < end && from[point] !== POINT) point++;
    const wholeDigits = point - at;
    const fractionDigits = Math.max(0, end - point - 1);
    if (wholeDigits === 0 || wholeDigits > 2 * WHOLE_DIGITS || fractionDigits > FRACTION_DIGITS)
      throw this.#wrong();
    const wholeGroups = Math.ceil(wholeDigits / GROUP_DIGITS);
    const groups = wholeGroups + Math.ceil(fractionDigits / GROUP_DIGITS);
    to.setInt32(this.#end, 8 + 2 * groups);
    to.setInt16(this.#end + 4, groups);
    to.setInt16(this.#end + 6, wholeGroups - 1);
    to.setInt16(this.#end + 8, 0);
    to.setInt16(this.#end + 10, fractionDigits);
    this.#end += 12;
    let index = FRACTION_GROUPS + wholeGroups - 1;
    let digits = wholeDigits - (wholeGroups - 1) * GROUP_DIGITS;
    for (let digit = at; digit < point; digits = GROUP_DIGITS) {
      this.#group(index--, this.#digits(digit, digits));
      digit += digits;
    }
    for (let digit = point + 1; digit < end; digit += GROUP_DIGITS) {
      const present = Math.min(GROUP_DIGITS, end - digit);
      this.#group(index--, this.#digits(digit, present) * 10 ** (GROUP_DIGITS - present));
    }
    this.#at = end + 1;
  }

  #group(index: number, group: number): void {
    this.#to.setInt16(this.#end, group);
    this.#end += 2;
    this.#groups[index] = (this.#groups[index] ?? 0) + group;
  }

  #columnEnd(): number {
    let end = this.#at;
    while (end < this.#from.length && this.#from[end] !== TAB) end++;
    return end;
  }

  #wrong(): RangeError {
    const text = this.#from.toString('utf8', this.#at, this.#at + 200);
    return new RangeError(`Not the text of a sum: ${text}`);
  }
}

/** Of the Gregorian calendar, whose years are counted from March here, so that the leap day is the last one. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const marchMonth = month > 2 ? month - 3 : month + 9;
  const leapDays =
    Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + Math.floor((marchMonth * 153 + 2) / 5) + day - 719_469;
}
