/** API keys as text: `pulse_<id>_<secret><checksum>`, hexadecimal after the first word. */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** The contents of a presented key. */
export interface KeyCredentials {
  readonly id: string;
  /** SHA-256 of the secret. A slow hash would add nothing against a search of 2^256 secrets. */
  readonly secretHash: Buffer;
}

/**
 * The pattern for scanners of repositories and logs. The checksum is a CRC-32 of the preceding text. It tells a key
 * from a text that only looks like one, and lets the API refuse a mistyped key without a query.
 */
export const KEY_PATTERN = /^pulse_([0-9a-f]{16})_([0-9a-f]{64})[0-9a-f]{8}$/;

/** Makes a new key with a random 64-bit id and a random 256-bit secret. */
export function createKeyText(): { text: string; credentials: KeyCredentials } {
  const id = randomBytes(8).toString('hex');
  const secret = randomBytes(32).toString('hex');
  return { text: keyText(id, secret), credentials: { id, secretHash: sha256(secret) } };
}

export function keyText(id: string, secret: string): string {
  const start = `pulse_${id}_${secret}`;
  return start + crc32(start).toString(16).padStart(8, '0');
}

/** Parses a key; undefined if the text is not one. */
export function parseKeyText(text: string): KeyCredentials | undefined {
  const [, id, secret] = KEY_PATTERN.exec(text) ?? [];
  if (id === undefined || secret === undefined || keyText(id, secret) !== text) return undefined;
  return { id, secretHash: sha256(secret) };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
