/** Makes hashes with a random key. */
import { randomBytes } from 'node:crypto';
import { HalfSipHash } from '../core/half-siphash.ts';

/** A hash that nobody can predict, for the tables of one process. */
export function randomHash(): HalfSipHash {
  const key = randomBytes(8);
  return new HalfSipHash(key.readInt32LE(0), key.readInt32LE(4));
}
