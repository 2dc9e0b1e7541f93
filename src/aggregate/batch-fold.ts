/**
 * Folds the pulses of one batch and one shard into one sum for each key, and packs them for Redis.
 *
 * Four byte strings instead of thousands of arguments, because the client's cost of an argument was the largest cost of
 * a pulse. Redis reads all ids and sums, but single pulses only to subtract a duplicate or an overflowing one from its
 * sum.
 */
import type { Pulse } from '../contract/pulse.ts';
import { FINGERPRINT_BYTES, writeFingerprint, writeNoFingerprint } from './fingerprint.ts';
import { KeyTable, type KeySlot } from './key-table.ts';
import { addToSum, SUM_BYTES } from './sum-codec.ts';

/** Bytes of one pulse: key index (u32), whole (f64), nano (u32), little endian. */
const PULSE_BYTES = 16;
/** Of pulses and of keys. The buffers double when they are full. */
const CAPACITY_AT_FIRST = 256;

/** One batch of one shard, packed for the function pulse_apply. */
export interface FoldedBatch {
  readonly pulseCount: number;
  readonly ids: Buffer;
  readonly pulses: Buffer;
  /** MessagePack array of the hash fields, in the order of `sums`. */
  readonly fields: Buffer;
  readonly sums: Buffer;
  readonly windowMinSec: number;
  readonly windowMaxSec: number;
}

/** Collects pulses; `fold` packs what was added. */
export class BatchFold {
  readonly #secret: string;
  readonly #keys: KeyTable;
  readonly #turn: number;
  #ids = Buffer.allocUnsafe(CAPACITY_AT_FIRST * FINGERPRINT_BYTES);
  #pulses = Buffer.allocUnsafe(CAPACITY_AT_FIRST * PULSE_BYTES);
  #pulsesView = viewOf(this.#pulses);
  #sums = Buffer.alloc(CAPACITY_AT_FIRST * SUM_BYTES);
  #sumsView = viewOf(this.#sums);
  readonly #packedFields: string[] = [];
  #pulseCount = 0;
  #withoutIdCount = 0;
  #windowMinSec = Infinity;
  #windowMaxSec = -Infinity;

  /**
   * @param secret Key of the fingerprints of ids, the same in the whole installation.
   * @param keys Keys that earlier folds of the same thread and shard have used. Those folds take no more pulses.
   */
  constructor(secret: string, keys = new KeyTable()) {
    this.#secret = secret;
    this.#keys = keys;
    this.#turn = keys.open();
  }

  get pulseCount(): number {
    return this.#pulseCount;
  }

  /** Pulses without an id, which Redis cannot recognise when they are applied again. */
  get withoutIdCount(): number {
    return this.#withoutIdCount;
  }

  /** The place of the pulse's key, for `add`. */
  slotOf(pulse: Pulse): KeySlot {
    return this.#keys.slotOf(pulse);
  }

  /** @throws RangeError when a later fold has begun on the same keys. */
  add(pulse: Pulse, slot = this.#keys.slotOf(pulse)): void {
    if (!this.#keys.isOpen(this.#turn)) throw new RangeError('A later fold has begun.');
    if ((this.#pulseCount + 1) * PULSE_BYTES > this.#pulses.length) this.#grow();
    const keyIndex = this.#indexOf(slot);
    addToSum(this.#sumsView, keyIndex * SUM_BYTES, pulse.amount);
    const offset = this.#pulseCount * PULSE_BYTES;
    this.#pulsesView.setUint32(offset, keyIndex, true);
    this.#pulsesView.setFloat64(offset + 4, pulse.amount.whole, true);
    this.#pulsesView.setUint32(offset + 12, pulse.amount.nano, true);
    const idAt = this.#pulseCount * FINGERPRINT_BYTES;
    if (pulse.id === undefined) {
      writeNoFingerprint(this.#ids, idAt);
      this.#withoutIdCount += 1;
    } else {
      const { tenant, id } = pulse;
      writeFingerprint(this.#ids, idAt, { secret: this.#secret, tenant, id });
    }
    this.#pulseCount += 1;
    if (pulse.windowStartSec < this.#windowMinSec) this.#windowMinSec = pulse.windowStartSec;
    if (pulse.windowStartSec > this.#windowMaxSec) this.#windowMaxSec = pulse.windowStartSec;
  }

  fold(): FoldedBatch {
    return {
      pulseCount: this.#pulseCount,
      ids: this.#ids.subarray(0, this.#pulseCount * FINGERPRINT_BYTES),
      pulses: this.#pulses.subarray(0, this.#pulseCount * PULSE_BYTES),
      fields: packArray(this.#packedFields),
      sums: this.#sums.subarray(0, this.#packedFields.length * SUM_BYTES),
      windowMinSec: this.#windowMinSec,
      windowMaxSec: this.#windowMaxSec,
    };
  }

  #grow(): void {
    this.#ids = Buffer.concat([this.#ids], this.#ids.length * 2);
    this.#pulses = Buffer.concat([this.#pulses], this.#pulses.length * 2);
    this.#pulsesView = viewOf(this.#pulses);
    this.#sums = Buffer.concat([this.#sums], this.#sums.length * 2);
    this.#sumsView = viewOf(this.#sums);
  }

  /** The index of the key's sum, a new one if it has none yet. */
  #indexOf(slot: KeySlot): number {
    if (slot.turn !== this.#turn) {
      slot.turn = this.#turn;
      slot.index = this.#packedFields.length;
      this.#packedFields.push(slot.packedField);
    }
    return slot.index;
  }
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** A MessagePack array (`array 32`) of packed elements, one character a byte. */
function packArray(elements: readonly string[]): Buffer {
  const header = Buffer.from([0xdd, 0, 0, 0, 0]);
  header.writeUInt32BE(elements.length, 1);
  return Buffer.from(header.toString('latin1') + elements.join(''), 'latin1');
}
