/**
 * The ids of one generation in memory, exactly: a hash table with open addressing and linear probing, that stores all
 * 80 bits of each id and nothing else.
 *
 * It is split by the first bits of the ids into PART_COUNT parts, which grow one at a time: no call takes long, and the
 * parts of a closed generation can be read one after the other.
 */
import { ID_BYTES } from './id-fingerprint.ts';

/** First bits of an id that choose its part. */
export const PART_BITS = 10;
const PART_COUNT = 2 ** PART_BITS;

/** Slots of a part when it is created; up to twice as many, so that not all parts grow at the same moment. */
const FIRST_SLOTS = 16;
const GROWTH = 1.5;
const LOAD_MAX = 0.75;

export class SeenTable {
  size = 0;
  readonly #parts: (Part | undefined)[] = Array.from({ length: PART_COUNT }, () => undefined);

  get memoryBytes(): number {
    return this.#parts.reduce((sum, part) => sum + (part?.memoryBytes ?? 0), 0);
  }

  /** Adds the id at `offset`; false when it is there already. */
  add(ids: Uint8Array, offset: number): boolean {
    const index = firstBits(ids, offset, PART_BITS);
    const part = (this.#parts[index] ??= newPart(index));
    if (!part.add(readWord(ids, offset), readWord(ids, offset + 4), readHalf(ids, offset + 8))) {
      return false;
    }
    this.size++;
    return true;
  }

  has(ids: Uint8Array, offset: number): boolean {
    const part = this.#parts[firstBits(ids, offset, PART_BITS)];
    if (part === undefined) return false;
    return part.has(readWord(ids, offset), readWord(ids, offset + 4), readHalf(ids, offset + 8));
  }

  /** The ids of the parts from `first` to before `end`, packed, in no particular order. */
  idsOfParts(first: number, end: number): Buffer {
    const parts = this.#parts.slice(first, end).filter((part) => part !== undefined);
    const ids = Buffer.allocUnsafe(ID_BYTES * parts.reduce((sum, part) => sum + part.count, 0));
    let offset = 0;
    for (const part of parts) offset = part.copyTo(ids, offset);
    return ids;
  }
}

function newPart(index: number): Part {
  return new Part(FIRST_SLOTS + Math.floor((FIRST_SLOTS * index) / PART_COUNT));
}

/** Numbers of 16 bits that an id has. */
const COLUMNS = ID_BYTES / 2;

/**
 * An id is one row of five numbers, so that a question touches one or two lines of the processor's cache: its last 16
 * bits, by which rows are told apart first, then the others in their order. A row of zeros is free: no id is all zeros.
 */
class Part {
  count = 0;
  #slots: number;
  #rows: Uint16Array;

  constructor(slots: number) {
    this.#slots = slots;
    this.#rows = new Uint16Array(slots * COLUMNS);
  }

  get memoryBytes(): number {
    return this.#rows.byteLength;
  }

  /** An id is given as its first 32 bits, the next 32, and the last 16. */
  has(first: number, second: number, third: number): boolean {
    return !isFree(this.#rows, this.#find(first, second, third));
  }

  add(first: number, second: number, third: number): boolean {
    const at = this.#find(first, second, third);
    const rows = this.#rows;
    if (!isFree(rows, at)) return false;
    rows[at] = third;
    rows[at + 1] = first >>> 16;
    rows[at + 2] = first;
    rows[at + 3] = second >>> 16;
    rows[at + 4] = second;
    this.count++;
    if (this.count > this.#slots * LOAD_MAX) this.#grow();
    return true;
  }

  /** Writes the ids packed to `target`. Returns the offset after them. */
  copyTo(target: Buffer, offset: number): number {
    const rows = this.#rows;
    let end = offset;
    for (let at = 0; at < rows.length; at += COLUMNS) {
      if (isFree(rows, at)) continue;
      target.writeUInt32BE(wordAt(rows, at + 1), end);
      target.writeUInt32BE(wordAt(rows, at + 3), end + 4);
      target.writeUInt16BE(rows[at] ?? 0, end + 8);
      end += ID_BYTES;
    }
    return end;
  }

  /** Where the row of an id begins, or the free one where it belongs. */
  #find(first: number, second: number, third: number): number {
    const rows = this.#rows;
    // The second 32 bits are as random as the first, whose leading bits are the same in the whole part.
    let at = COLUMNS * Math.floor(second * (this.#slots / 2 ** 32));
    for (;;) {
      const there = rows[at];
      if (there === third && wordAt(rows, at + 1) === first && wordAt(rows, at + 3) === second)
        break;
      if (there === 0 && isFree(rows, at)) break;
      at += COLUMNS;
      if (at === rows.length) at = 0;
    }
    return at;
  }

  #grow(): void {
    const larger = new Part(Math.ceil(this.#slots * GROWTH));
    const rows = this.#rows;
    for (let at = 0; at < rows.length; at += COLUMNS) {
      if (!isFree(rows, at)) larger.add(wordAt(rows, at + 1), wordAt(rows, at + 3), rows[at] ?? 0);
    }
    this.#slots = larger.#slots;
    this.#rows = larger.#rows;
  }
}

function isFree(rows: Uint16Array, at: number): boolean {
  return rows[at] === 0 && wordAt(rows, at + 1) === 0 && wordAt(rows, at + 3) === 0;
}

function wordAt(rows: Uint16Array, at: number): number {
  return (((rows[at] ?? 0) << 16) | (rows[at + 1] ?? 0)) >>> 0;
}

/** The first `bits` bits of an id, at most 32. */
export function firstBits(ids: Uint8Array, offset: number, bits: number): number {
  return bits === 0 ? 0 : readWord(ids, offset) >>> (32 - bits);
}

/** The 32 bits at `offset`, big-endian. Plain arithmetic: the runtime inlines it, for a Buffer as for an array. */
export function readWord(bytes: Uint8Array, offset: number): number {
  const high = ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  return ((high << 16) | readHalf(bytes, offset + 2)) >>> 0;
}

function readHalf(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

/** Whether the id at `offset` is NO_ID. */
export function isNoId(ids: Uint8Array, offset: number): boolean {
  return (readWord(ids, offset) | readWord(ids, offset + 4) | readHalf(ids, offset + 8)) === 0;
}
