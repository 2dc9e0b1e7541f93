import { expect, test } from 'vitest';
import { HalfSipHash } from '../../src/core/half-siphash.ts';

/** Of the bytes 0, 1, 2 ... under the key 0 to 7, by their number: lib/tests/siphash_kunit.c of Linux, 32-bit targets. */
const VECTORS: readonly (readonly [length: number, hash: number])[] = [
  [0, 0x5814c896],
  [1, 0xe7e864ca],
  [2, 0xbc4b0e30],
  [3, 0x01539939],
  [4, 0x7e059ea6],
  [5, 0x88e3d89b],
  [6, 0xa0080b65],
  [7, 0x9d38d9d6],
  [8, 0x577999b1],
  [48, 0x007783eb],
  [49, 0x95766243],
];

test('the hash is the published one, wherever the bytes are', () => {
  const hash = new HalfSipHash(0x03020100, 0x07060504);
  for (const [length, expected] of VECTORS) {
    for (const offset of [0, 1, 7]) {
      // Other bytes beside it must not matter, and at the end of the view nothing is read beyond it.
      const bytes = new Uint8Array(offset + length).fill(0xa5);
      for (let index = 0; index < length; index++) bytes[offset + index] = index;
      const view = new DataView(bytes.buffer);
      expect(hash.hash(view, offset, offset + length) >>> 0, `${length} bytes`).toBe(expected);
    }
  }
});

test('the hash depends on the key', () => {
  const view = new DataView(new ArrayBuffer(12));
  const hashes = [
    [1, 2],
    [2, 1],
    [1, 3],
  ].map(([one = 0, two = 0]) => new HalfSipHash(one, two).hash(view, 0, 12));
  expect(new Set(hashes).size).toBe(3);
});
