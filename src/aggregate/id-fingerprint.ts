/**
 * Fingerprints of pulse ids, 80 bits each: what the journal carries, and what is remembered, instead of the id.
 *
 * The chance that an unseen pulse is taken for a duplicate is the number of remembered ids divided by 2⁸⁰. The secret
 * key keeps a tenant from searching for an id that collides with another tenant's.
 */
import { createHash } from 'node:crypto';
import type { KnownKey, PulseRecords } from '../contract/pulse-records.ts';
import { SipHash } from './siphash.ts';

export const ID_BYTES = 10;
/** Stands for a pulse without an id. No id has this fingerprint. */
export const NO_ID: Uint8Array = new Uint8Array(ID_BYTES);

/** No tenant contains control characters, so this one makes the pair of tenant and id unambiguous. */
const SEPARATOR = 0x1f;
/** UTF-8 bytes of one UTF-16 unit, at most. */
const UNIT_BYTES_MAX = 3;

/** A key whose ids can be hashed without decoding anything. */
interface HashedKey extends KnownKey {
  /** The tenant in UTF-8, one character a byte. */
  readonly tenantBytes: string;
}

/** For one thread: calls share a buffer. */
export class IdFingerprints {
  readonly #hash: SipHash;
  #text = Buffer.alloc(1024);

  /** @param secret The installation's; ids are recognised only under the same one. */
  constructor(secret: string) {
    this.#hash = new SipHash(createHash('sha256').update(secret).digest().subarray(0, 16));
  }

  /** Writes the fingerprint of (tenant, id) as ID_BYTES bytes at `offset` of `target`. */
  write(target: Uint8Array, offset: number, tenant: string, id: string): void {
    const bytesMax = (tenant.length + id.length) * UNIT_BYTES_MAX + 1;
    if (bytesMax > this.#text.length) this.#text = Buffer.alloc(2 * bytesMax);
    const tenantEnd = writeText(this.#text, 0, tenant);
    this.#text[tenantEnd] = SEPARATOR;
    const end = writeText(this.#text, tenantEnd + 1, id);
    this.#writeHash(target, offset, end);
  }

  /** The same for a record of a body whose id stands in it. */
  writeRecord(
    target: Uint8Array,
    offset: number,
    { body, keys, idStarts, idEnds }: PulseRecords<HashedKey>,
    index: number,
  ): void {
    // Names and ids are bounded, so the buffer has room.
    const text = this.#text;
    const tenant = keys[index]?.tenantBytes ?? '';
    let length = tenant.length;
    for (let at = 0; at < length; at++) text[at] = tenant.charCodeAt(at);
    text[length] = SEPARATOR;
    length += 1;
    const end = idEnds[index] ?? 0;
    for (let at = idStarts[index] ?? 0; at < end; at++) {
      text[length] = body[at] ?? 0;
      length += 1;
    }
    this.#writeHash(target, offset, length);
  }

  #writeHash(target: Uint8Array, offset: number, textBytes: number): void {
    this.#hash.hash(this.#text, textBytes);
    const { output } = this.#hash;
    let anyBit = 0;
    for (let index = 0; index < ID_BYTES; index++) {
      const byte = ((output[index >> 2] ?? 0) >>> (8 * (index & 3))) & 0xff;
      target[offset + index] = byte;
      anyBit |= byte;
    }
    if (anyBit === 0) target[offset + ID_BYTES - 1] = 1;
  }
}

/** Copies the id at `offset` of `ids`. For ten bytes, a loop costs less than `set` with a part of a buffer. */
export function copyId(target: Uint8Array, at: number, ids: Uint8Array, offset: number): void {
  for (let index = 0; index < ID_BYTES; index++) target[at + index] = ids[offset + index] ?? 0;
}

/** Writes UTF-8. Returns the offset after it. */
function writeText(target: Buffer, offset: number, text: string): number {
  // Most text is ASCII, and so short that a call into the runtime would cost more than this loop.
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return offset + target.write(text, offset);
    target[offset + index] = unit;
  }
  return offset + text.length;
}
