/**
 * One entry of the journal: the pulses of one batch and shard, packed in one byte string. Redis' cost is the argument,
 * not the byte.
 *
 * Little endian: pulse count (u32), key count (u32); the fingerprints, ID_BYTES each; the pulses, each with the index of
 * its key (u32), the whole part (f64) and the part in units of 10⁻⁹ (u32) of its amount; the keys, each with the first
 * second of its window (u32), the length (u16) and the bytes of its field (see sum-field.ts).
 */
import type { AggregateKey, Pulse } from '../contract/pulse.ts';
import { FatalError } from '../core/errors.ts';
import { ID_BYTES, type IdFingerprints } from './id-fingerprint.ts';
import { KeyTable, type KeySlot } from './key-table.ts';
import { toSumField } from './sum-field.ts';

const HEADER_BYTES = 8;
export const PULSE_BYTES = 16;
const KEY_HEADER_BYTES = 6;
/** The buffers double when they are full. */
const PULSES_AT_FIRST = 256;

export function createEntryKeys(): KeyTable {
  return new KeyTable(packKey);
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
    const header = Buffer.allocUnsafe(HEADER_BYTES);
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

/** An entry as it was read. The buffers share its memory. */
export interface JournalEntry {
  readonly pulseCount: number;
  readonly ids: Buffer;
  /** PULSE_BYTES each: see pulseAt. */
  readonly pulses: DataView;
  readonly keys: readonly EntryKey[];
}

export interface EntryKey {
  /** One character a byte. */
  readonly field: string;
  readonly windowStartSec: number;
}

/** @throws FatalError PULSE_JOURNAL_UNREADABLE when the bytes are not an entry. Nothing of it may be counted. */
export function readEntry(bytes: Buffer): JournalEntry {
  try {
    const pulseCount = bytes.readUInt32LE(0);
    const keyCount = bytes.readUInt32LE(4);
    const pulsesAt = HEADER_BYTES + pulseCount * ID_BYTES;
    const keysAt = pulsesAt + pulseCount * PULSE_BYTES;
    const keys = readKeys(bytes, keysAt, keyCount);
    const pulses = viewOf(bytes.subarray(pulsesAt, keysAt));
    for (let at = 0; at < pulses.byteLength; at += PULSE_BYTES) {
      if (pulses.getUint32(at, true) >= keyCount) throw new RangeError('A pulse has no key.');
    }
    return { pulseCount, ids: bytes.subarray(HEADER_BYTES, pulsesAt), pulses, keys };
  } catch (cause) {
    throw new FatalError(
      'PULSE_JOURNAL_UNREADABLE',
      'An entry of the journal in Redis is not one that this build can read. Nothing of it is counted.',
      { cause },
    );
  }
}

function readKeys(bytes: Buffer, start: number, count: number): EntryKey[] {
  const keys: EntryKey[] = [];
  let at = start;
  for (let index = 0; index < count; index++) {
    const windowStartSec = bytes.readUInt32LE(at);
    const fieldAt = at + KEY_HEADER_BYTES;
    at = fieldAt + bytes.readUInt16LE(at + 4);
    keys.push({ windowStartSec, field: bytes.toString('latin1', fieldAt, at) });
  }
  if (at !== bytes.length) throw new RangeError('The keys do not end where the entry ends.');
  return keys;
}

function packKey(key: AggregateKey): string {
  const field = Buffer.from(toSumField(key), 'utf8').toString('latin1');
  const header = Buffer.allocUnsafe(KEY_HEADER_BYTES);
  header.writeUInt32LE(key.windowStartSec, 0);
  // At most 128 characters a name, four bytes each, all escaped: below 64 KiB.
  header.writeUInt16LE(field.length, 4);
  return header.toString('latin1') + field;
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
