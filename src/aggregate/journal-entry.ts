/**
 * One entry of the journal: the pulses of one batch and shard, packed in one byte string. Redis' cost is the argument,
 * not the byte.
 *
 * Little endian: pulse count (u32), key count (u32); the fingerprints, ID_BYTES each; the pulses, each with the index of
 * its key (u32), the whole part (f64) and the part in units of 10⁻⁹ (u32) of its amount; the keys, see packed-key.ts.
 * A key may come twice. read-entry.ts reads it.
 */
import type { Pulse } from '../contract/pulse.ts';
import type { PulseRecords } from '../contract/pulse-records.ts';
import type { EntryKey } from './entry-key.ts';
import { ID_BYTES, type IdFingerprints } from './id-fingerprint.ts';

export const ENTRY_HEADER_BYTES = 8;
export const PULSE_BYTES = 16;
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

  /** @param known The pulse's key. If two entries use it in turn, both have it more than once. */
  add({ tenant, id, amount }: Pulse, known: EntryKey): void {
    const idAt = this.#addAmount(known, amount.whole, amount.nano);
    if (id === undefined) this.#leaveId(idAt);
    else this.#fingerprints.write(this.#ids, idAt, tenant, id);
  }

  /** Adds one record of a body. @returns Whether it has an id. */
  addRecord(records: PulseRecords<EntryKey>, index: number, known: EntryKey): boolean {
    const { wholes, nanos, idStarts } = records;
    const idAt = this.#addAmount(known, wholes[index] ?? 0, nanos[index] ?? 0);
    if ((idStarts[index] ?? 0) > 0) {
      this.#fingerprints.writeRecord(this.#ids, idAt, records, index);
      return true;
    }
    const id = records.idOf(index);
    if (id === undefined) this.#leaveId(idAt);
    else this.#fingerprints.write(this.#ids, idAt, known.key.tenant, id);
    return id !== undefined;
  }

  /** @returns Where the id of the pulse goes. */
  #addAmount(known: EntryKey, whole: number, nano: number): number {
    if ((this.#pulseCount + 1) * PULSE_BYTES > this.#pulses.length) this.#grow();
    if (known.turn !== this.#turn) {
      known.turn = this.#turn;
      known.index = this.#packedKeys.length;
      this.#packedKeys.push(known.packed);
    }
    const at = this.#pulseCount * PULSE_BYTES;
    this.#view.setUint32(at, known.index, true);
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

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
