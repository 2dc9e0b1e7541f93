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
  memoryBytes = 0;
  readonly #parts: (Part | undefined)[] = Array.from({ length: PART_COUNT }, () => undefined);

  /** Adds the id at `offset`; false when it is there already. */
  add(ids: Uint8Array, offset: number): boolean {
    const index = firstBits(ids, offset, PART_BITS);
    const part = (this.#parts[index] ??= this.#createPart(index));
    const bytesBefore = part.memoryBytes;
    const isNew = part.add(
      readWord(ids, offset),
      readWord(ids, offset + 4),
      readHalf(ids, offset + 8),
    );
    if (isNew) this.size++;
    this.memoryBytes += part.memoryBytes - bytesBefore;
    return isNew;
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

  #createPart(index: number): Part {
    const part = new Part(FIRST_SLOTS + Math.floor((FIRST_SLOTS * index) / PART_COUNT));
    this.memoryBytes += part.memoryBytes;
    return part;
  }
}

/** An id is three columns: 32, 32 and 16 bits. A slot of zeros is free: no id is all zeros. */
class Part {
  count = 0;
  #slots: number;
  #first: Uint32Array;
  #second: Uint32Array;
  #third: Uint16Array;

  constructor(slots: number) {
    this.#slots = slots;
    this.#first = new Uint32Array(slots);
    this.#second = new Uint32Array(slots);
    this.#third = new Uint16Array(slots);
  }

  get memoryBytes(): number {
    return this.#slots * ID_BYTES;
  }

  has(first: number, second: number, third: number): boolean {
    return this.#isTaken(this.#find(first, second, third));
  }

  add(first: number, second: number, third: number): boolean {
    const slot = this.#find(first, second, third);
    if (this.#isTaken(slot)) return false;
    this.#first[slot] = first;
    this.#second[slot] = second;
    this.#third[slot] = third;
    this.count++;
    if (this.count > this.#slots * LOAD_MAX) this.#grow();
    return true;
  }

  /** Writes the ids packed to `target`. Returns the offset after them. */
  copyTo(target: Buffer, offset: number): number {
    let at = offset;
    for (let slot = 0; slot < this.#slots; slot++) {
      if (!this.#isTaken(slot)) continue;
      target.writeUInt32BE(this.#first[slot] ?? 0, at);
      target.writeUInt32BE(this.#second[slot] ?? 0, at + 4);
      target.writeUInt16BE(this.#third[slot] ?? 0, at + 8);
      at += ID_BYTES;
    }
    return at;
  }

  /** The slot of an id, or the free one where it belongs. */
  #find(first: number, second: number, third: number): number {
    // The second column is as random as the first, whose leading bits are the same in the whole part.
    let slot = Math.floor(second * (this.#slots / 2 ** 32));
    for (;;) {
      const there = this.#second[slot];
      if (there === second && this.#first[slot] === first && this.#third[slot] === third) break;
      if (there === 0 && !this.#isTaken(slot)) break;
      slot = slot + 1 === this.#slots ? 0 : slot + 1;
    }
    return slot;
  }

  #isTaken(slot: number): boolean {
    return this.#second[slot] !== 0 || this.#first[slot] !== 0 || this.#third[slot] !== 0;
  }

  #grow(): void {
    const larger = new Part(Math.ceil(this.#slots * GROWTH));
    for (let slot = 0; slot < this.#slots; slot++) {
      if (!this.#isTaken(slot)) continue;
      larger.add(this.#first[slot] ?? 0, this.#second[slot] ?? 0, this.#third[slot] ?? 0);
    }
    this.#slots = larger.#slots;
    this.#first = larger.#first;
    this.#second = larger.#second;
    this.#third = larger.#third;
  }
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
