/**
 * One entry of the journal: the pulses of one batch and shard, packed in one byte string. Redis' cost is the argument,
 * not the byte.
 *
 * Little endian: pulse count (u32), key count (u32); the fingerprints, ID_BYTES each; the pulses, each with the index of
 * its key (u32), the whole part (f64) and the part in units of 10⁻⁹ (u32) of its amount; the keys, see packed-key.ts.
 * read-entry.ts reads it.
 */
import type { AggregateKey, Pulse } from '../contract/pulse.ts';
import { ID_BYTES, type IdFingerprints } from './id-fingerprint.ts';
import { KeyTable, type KeySlot } from './key-table.ts';
import { packKey } from './packed-key.ts';
import { toSumField } from './sum-field.ts';

export const ENTRY_HEADER_BYTES = 8;
export const PULSE_BYTES = 16;
/** The buffers double when they are full. */
const PULSES_AT_FIRST = 256;

export function createEntryKeys(): KeyTable {
  return new KeyTable(packKeyText);
}

/** Collects the pulses of one entry. */
export class EntryWriter {
  readonly #fingerprints: IdFingerprints;
  readonly #keys: KeyTable;
  readonly #turn: number;
  #ids = Buffer.allocUnsafe(PULSES_AT_FIRST * ID_BYTES);
  #pulses = Buffer.allocUnsafe(PULSES_AT_FIRST * PULSE_BYTES);
  #view = viewOf(this.#pulses);
  readonly #packedKeys: string[] = [];
  #pulseCount = 0;
  #withoutIdCount = 0;

  /** @param keys Keys that earlier entries of the same thread and shard have used. Those entries take no more pulses. */
  constructor(fingerprints: IdFingerprints, keys = createEntryKeys()) {
    this.#fingerprints = fingerprints;
    this.#keys = keys;
    this.#turn = keys.open();
  }

  get pulseCount(): number {
    return this.#pulseCount;
  }

  /** Pulses without an id: a second copy of this entry is counted again. */
  get withoutIdCount(): number {
    return this.#withoutIdCount;
  }

  /** The place of the pulse's key, for `add`. */
  slotOf(pulse: Pulse): KeySlot {
    return this.#keys.slotOf(pulse);
  }

  /** @throws RangeError when a later entry has begun on the same keys. */
  add(pulse: Pulse, slot = this.#keys.slotOf(pulse)): void {
    if (!this.#keys.isOpen(this.#turn)) throw new RangeError('A later entry has begun.');
    if ((this.#pulseCount + 1) * PULSE_BYTES > this.#pulses.length) this.#grow();
    if (slot.turn !== this.#turn) {
      slot.turn = this.#turn;
      slot.index = this.#packedKeys.length;
      this.#packedKeys.push(slot.packedField);
    }
    const { tenant, id, amount } = pulse;
    const at = this.#pulseCount * PULSE_BYTES;
    this.#view.setUint32(at, slot.index, true);
    this.#view.setFloat64(at + 4, amount.whole, true);
    this.#view.setUint32(at + 12, amount.nano, true);
    const idAt = this.#pulseCount * ID_BYTES;
    if (id === undefined) {
      this.#ids.fill(0, idAt, idAt + ID_BYTES);
      this.#withoutIdCount += 1;
    } else {
      this.#fingerprints.write(this.#ids, idAt, tenant, id);
    }
    this.#pulseCount += 1;
  }

  toEntry(): Buffer {
    const header = Buffer.allocUnsafe(ENTRY_HEADER_BYTES);
    header.writeUInt32LE(this.#pulseCount, 0);
    header.writeUInt32LE(this.#packedKeys.length, 4);
    return Buffer.concat([
      header,
      this.#ids.subarray(0, this.#pulseCount * ID_BYTES),
      this.#pulses.subarray(0, this.#pulseCount * PULSE_BYTES),
      Buffer.from(this.#packedKeys.join(''), 'latin1'),
    ]);
  }

  #grow(): void {
    this.#ids = Buffer.concat([this.#ids], this.#ids.length * 2);
    this.#pulses = Buffer.concat([this.#pulses], this.#pulses.length * 2);
    this.#view = viewOf(this.#pulses);
  }
}

function packKeyText(key: AggregateKey): string {
  return packKey(Buffer.from(toSumField(key), 'utf8'), key.windowStartSec).toString('latin1');
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
