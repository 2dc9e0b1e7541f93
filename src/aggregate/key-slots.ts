/**
 * The keys of sums as numbers: equal fields have the same slot, and new ones get the next of 0, 1, 2 ...
 *
 * A hash table with open addressing and linear probing over one long byte string of packed keys (see packed-key.ts). No
 * object and no text is created for a key. The hash has a random key, so no tenant can choose names that collide; where
 * hashes are equal all the same, bytes decide.
 */
import type { HalfSipHash } from '../core/half-siphash.ts';
import { randomHash } from '../platform/random-hash.ts';
import { fieldEnd, KEY_HEADER_BYTES, windowStartOf } from './packed-key.ts';

/** The bytes of a view from `from` to before `to`. */
export interface ByteRange {
  readonly view: DataView;
  readonly from: number;
  readonly to: number;
}

const SLOTS_AT_FIRST = 64;
const KEY_BYTES_AT_FIRST = 64;
/** Places of the table for one slot, at least. */
const PLACES_PER_SLOT = 2;

export class KeySlots {
  readonly #hash: Pick<HalfSipHash, 'hash'>;
  #count = 0;
  /** All keys, one after the other, and by slot where each is. */
  #keys = new DataView(new ArrayBuffer(SLOTS_AT_FIRST * KEY_BYTES_AT_FIRST));
  #keysEnd = 0;
  #keyAt = new Float64Array(SLOTS_AT_FIRST);
  /** Two numbers a place: the hash of a key, and its slot + 1; 0: the place is free. */
  #table = new Int32Array(2 * PLACES_PER_SLOT * SLOTS_AT_FIRST);

  constructor(hash: Pick<HalfSipHash, 'hash'> = randomHash()) {
    this.#hash = hash;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * The slots of the packed keys at `keysAt`, in their order. A new key gets the slot `count`.
   *
   * In passes, so that the processor waits for the memory of many keys at once, and not for one after the other.
   */
  slotsOf(view: DataView, keysAt: Float64Array): Int32Array {
    const hashes = new Int32Array(keysAt.length);
    for (let index = 0; index < keysAt.length; index++) {
      const keyAt = keysAt[index] ?? 0;
      hashes[index] = this.#hash.hash(view, keyAt + KEY_HEADER_BYTES, fieldEnd(view, keyAt));
    }
    const slots = hashes.map((hash) => this.#guess(hash));
    for (let index = 0; index < keysAt.length; index++) {
      const keyAt = keysAt[index] ?? 0;
      if (this.#isKey(slots[index] ?? -1, view, keyAt)) continue;
      slots[index] = this.#findOrAdd(hashes[index] ?? 0, view, keyAt);
    }
    return slots;
  }

  /** The keys of these slots, as the slots 0, 1, 2 ... */
  only(slots: readonly number[]): KeySlots {
    const keys = new KeySlots(this.#hash);
    keys.slotsOf(
      this.#keys,
      Float64Array.from(slots, (slot) => this.#keyAt[slot] ?? 0),
    );
    return keys;
  }

  windowStartSec(slot: number): number {
    return windowStartOf(this.#keys, this.#keyAt[slot] ?? 0);
  }

  /** The bytes of a field. They may be moved when a key is added. */
  field(slot: number): ByteRange {
    const keyAt = this.#keyAt[slot] ?? 0;
    return { view: this.#keys, from: keyAt + KEY_HEADER_BYTES, to: fieldEnd(this.#keys, keyAt) };
  }

  /** One character a byte. */
  fieldText(slot: number): string {
    const { view, from, to } = this.field(slot);
    return Buffer.from(view.buffer, from, to - from).toString('latin1');
  }

  /** The first slot with this hash, which is nearly always the right one; -1: there is none. */
  #guess(hash: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = (hash << 1) & mask;
    while (table[at + 1] !== 0 && table[at] !== hash) at = (at + 2) & mask;
    return (table[at + 1] ?? 0) - 1;
  }

  #findOrAdd(hash: number, view: DataView, keyAt: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    let at = (hash << 1) & mask;
    for (; table[at + 1] !== 0; at = (at + 2) & mask) {
      const slot = (table[at + 1] ?? 0) - 1;
      if (table[at] === hash && this.#isKey(slot, view, keyAt)) return slot;
    }
    const slot = this.#append(view, keyAt);
    table[at] = hash;
    table[at + 1] = slot + 1;
    if (this.#count === this.#keyAt.length) this.#grow();
    return slot;
  }

  /** Whether the key at `keyAt` is that of `slot`; -1 is the slot of none. */
  #isKey(slot: number, view: DataView, keyAt: number): boolean {
    if (slot < 0) return false;
    const keys = this.#keys;
    const ownAt = this.#keyAt[slot] ?? 0;
    const from = ownAt + KEY_HEADER_BYTES;
    const to = fieldEnd(keys, ownAt);
    const shift = keyAt - ownAt;
    if (to + shift !== fieldEnd(view, keyAt)) return false;
    let at = from;
    for (; at + 4 <= to; at += 4) if (keys.getInt32(at) !== view.getInt32(at + shift)) return false;
    for (; at < to; at++) if (keys.getUint8(at) !== view.getUint8(at + shift)) return false;
    return true;
  }

  #append(view: DataView, keyAt: number): number {
    const start = this.#keysEnd;
    const end = start + fieldEnd(view, keyAt) - keyAt;
    if (end > this.#keys.byteLength) {
      const larger = new Uint8Array(Math.max(end, 2 * this.#keys.byteLength));
      larger.set(new Uint8Array(this.#keys.buffer));
      this.#keys = new DataView(larger.buffer);
    }
    for (let at = start; at < end; at++) this.#keys.setUint8(at, view.getUint8(at - start + keyAt));
    this.#keyAt[this.#count] = start;
    this.#keysEnd = end;
    return this.#count++;
  }

  #grow(): void {
    const keyAt = new Float64Array(2 * this.#count);
    keyAt.set(this.#keyAt);
    this.#keyAt = keyAt;
    const before = this.#table;
    const table = new Int32Array(2 * before.length);
    const mask = table.length - 1;
    for (let from = 0; from < before.length; from += 2) {
      if (before[from + 1] === 0) continue;
      let at = ((before[from] ?? 0) << 1) & mask;
      while (table[at + 1] !== 0) at = (at + 2) & mask;
      table.set(before.subarray(from, from + 2), at);
    }
    this.#table = table;
  }
}
