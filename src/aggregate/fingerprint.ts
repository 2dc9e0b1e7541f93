/**
 * Fingerprints of pulse ids: what Redis remembers instead of the id itself.
 *
 * SHA-256 over a secret of this installation, the tenant and the id. 62.8 bits of it become a decimal number (a set of
 * numbers takes Redis 8 bytes an entry) and at least 12 further bits choose the set. With 74.8 bits or more, the chance
 * of any collision among 10⁸ ids is below 2 × 10⁻⁷. The secret keeps a tenant from searching for an id that collides
 * with another tenant's.
 */
import { hash } from 'node:crypto';

/** Base-4 digits that choose a bucket; a generation uses as many of the first ones as it needs. */
export const BUCKET_DIGITS = 12;
const MEMBER_DIGITS = 19;
/** Bytes of one fingerprint: the bucket digits, then a decimal number without leading zero. */
export const FINGERPRINT_BYTES = BUCKET_DIGITS + MEMBER_DIGITS;

/** The first byte for a pulse without an id. */
const NO_ID = 0x20;
const ZERO = 0x30;

/** The three ASCII digits of every number below 1000. */
const THREE_DIGITS = Uint8Array.from({ length: 3000 }, (_, index) =>
  String(Math.floor(index / 3))
    .padStart(3, '0')
    .charCodeAt(index % 3),
);

/**
 * Writes the fingerprint of (tenant, id) as FINGERPRINT_BYTES ASCII digits at `offset` of `target`.
 *
 * A tenant contains no control characters, so the separator makes the pair unambiguous.
 */
export function writeFingerprint(
  target: Uint8Array,
  offset: number,
  { secret, tenant, id }: { secret: string; tenant: string; id: string },
): void {
  const digest = hash('sha256', `${secret}${tenant}\x1f${id}`, 'binary');
  let at = offset;
  for (let byteIndex = 0; byteIndex < 3; byteIndex++) {
    const byte = digest.charCodeAt(byteIndex);
    target[at++] = ZERO + (byte & 3);
    target[at++] = ZERO + ((byte >> 2) & 3);
    target[at++] = ZERO + ((byte >> 4) & 3);
    target[at++] = ZERO + (byte >> 6);
  }
  // First digit 1..8: no leading zero, and the number stays below 2⁶³.
  target[at++] = ZERO + 1 + (digest.charCodeAt(3) & 7);
  for (let byteIndex = 4; byteIndex < 16; byteIndex += 2) {
    const group = digest.charCodeAt(byteIndex) | (digest.charCodeAt(byteIndex + 1) << 8);
    const digitsAt = (group % 1000) * 3;
    target[at++] = THREE_DIGITS[digitsAt] ?? ZERO;
    target[at++] = THREE_DIGITS[digitsAt + 1] ?? ZERO;
    target[at++] = THREE_DIGITS[digitsAt + 2] ?? ZERO;
  }
}

/** Marks a pulse without an id, which is counted without a look-up. */
export function writeNoFingerprint(target: Uint8Array, offset: number): void {
  // All bytes, because the buffer is not initialised and is sent as it is.
  target.fill(NO_ID, offset, offset + FINGERPRINT_BYTES);
}
