/**
 * One entry of the journal: the pulses of one batch and shard, packed in one byte string. Redis' cost is the argument,
 * not the byte.
 *
 * Little endian: pulse count (u32), key count (u32); the fingerprints, ID_BYTES each; the pulses, each with the index of
 * its key (u32), the whole part (f64) and the part in units of 10⁻⁹ (u32) of its amount; the keys, each with the first
 * second of its window (u32), the length (u16) and the bytes of its field (see sum-field.ts). A key may come twice.
 */
import type { Pulse } from '../contract/pulse.ts';
import type { PulseRecords } from '../contract/pulse-records.ts';
import { FatalError } from '../core/errors.ts';
import { ID_BYTES, type IdFingerprints } from './id-fingerprint.ts';
import type { KeySlot } from './key-slot.ts';

const HEADER_BYTES = 8;
export const PULSE_BYTES = 16;
const KEY_HEADER_BYTES = 6;
/** The buffers double when they are full. */
const PULSES_AT_FIRST = 256;

/** Collects the pulses of one entry. */
export class EntryWriter {
  readonly #fingerprints: IdFingerprints;
  /** Marks the keys that this entry has. */
  readonly #turn = {};
  #ids = Buffer.allocUnsafe(PULSES_AT_FIRST * ID_BYTES);
  #pulses = Buffer.allocUnsafe(PULSES_AT_FIRST * PULSE_BYTES);
  #view = viewOf(this.#pulses);
  readonly #packedKeys: string[] = [];
  #pulseCount = 0;
  #withoutIdCount = 0;

  constructor(fingerprints: IdFingerprints) {
    this.#fingerprints = fingerprints;
  }

  get pulseCount(): number {
    return this.#pulseCount;
  }

  /** Pulses without an id: a second copy of this entry is counted again. */
  get withoutIdCount(): number {
    return this.#withoutIdCount;
  }

  /** @param slot Of the pulse's key. Two entries may share it; it is best used in one after the other. */
  add({ tenant, id, amount }: Pulse, slot: KeySlot): void {
    const idAt = this.#addAmount(slot, amount.whole, amount.nano);
    if (id === undefined) this.#leaveId(idAt);
    else this.#fingerprints.write(this.#ids, idAt, tenant, id);
  }

  /** Adds one record of a body. @returns Whether it has an id. */
  addRecord(records: PulseRecords<KeySlot>, index: number, slot: KeySlot): boolean {
    const { wholes, nanos, idStarts } = records;
    const idAt = this.#addAmount(slot, wholes[index] ?? 0, nanos[index] ?? 0);
    if ((idStarts[index] ?? 0) > 0) {
      this.#fingerprints.writeRecord(this.#ids, idAt, records, index);
      return true;
    }
    const id = records.idOf(index);
    if (id === undefined) this.#leaveId(idAt);
    else this.#fingerprints.write(this.#ids, idAt, slot.key.tenant, id);
    return id !== undefined;
  }

  /** @returns Where the id of the pulse goes. */
  #addAmount(slot: KeySlot, whole: number, nano: number): number {
    if ((this.#pulseCount + 1) * PULSE_BYTES > this.#pulses.length) this.#grow();
    if (slot.turn !== this.#turn) {
      slot.turn = this.#turn;
      slot.index = this.#packedKeys.length;
      this.#packedKeys.push(slot.packed);
    }
    const at = this.#pulseCount * PULSE_BYTES;
    this.#view.setUint32(at, slot.index, true);
    this.#view.setFloat64(at + 4, whole, true);
    this.#view.setUint32(at + 12, nano, true);
    this.#pulseCount += 1;
    return (this.#pulseCount - 1) * ID_BYTES;
  }

  #leaveId(idAt: number): void {
    this.#ids.fill(0, idAt, idAt + ID_BYTES);
    this.#withoutIdCount += 1;
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

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
