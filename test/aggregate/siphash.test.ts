import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SipHash } from '../../src/aggregate/siphash.ts';

const KEY = Uint8Array.from({ length: 16 }, (_, index) => index);

/** The hashes of the bytes 0, 1, 2 … with lengths 0 to 16, from vectors.h of the reference implementation. */
const VECTORS = [
  'a3817f04ba25a8e66df67214c7550293',
  'da87c1d86b99af44347659119b22fc45',
  '8177228da4a45dc7fca38bdef60affe4',
  '9c70b60c5267a94e5f33b6b02985ed51',
  'f88164c12d9c8faf7d0f6e7c7bcd5579',
  '1368875980776f8854527a07690e9627',
  '14eeca338b208613485ea0308fd7a15e',
  'a1f1ebbed8dbc153c0b84aa61ff08239',
  '3b62a9ba6258f5610f83e264f31497b4',
  '264499060ad9baabc47f8b02bb6d71ed',
  '00110dc378146956c95447d3f3d0fbba',
  '0151c568386b6677a2b4dc6f81e5dc18',
  'd626b266905ef35882634df68532c125',
  '9869e247e9c08b10d029934fc4b952f7',
  '31fcefac66d7de9c7ec7485fe4494902',
  '5493e99933b0a8117e08ec0f97cfc3d9',
  '6ee2a4ca67b054bbfd3315bf85230577',
];

function hashOf(bytes: Uint8Array, { key = KEY, length = bytes.length } = {}): string {
  const hash = new SipHash(key);
  hash.hash(bytes, length);
  return Buffer.from(hash.output.buffer).toString('hex');
}

/** A second implementation, slow and with BigInt, after the paper. */
function referenceOf(key: Uint8Array, bytes: Uint8Array): string {
  const mask = 2n ** 64n - 1n;
  const turn = (word: bigint, bits: bigint) => ((word << bits) | (word >> (64n - bits))) & mask;
  const keyWords = Buffer.from(key);
  const [k0, k1] = [keyWords.readBigUInt64LE(0), keyWords.readBigUInt64LE(8)];
  let [v0, v1, v2, v3] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn ^ 0xeen,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  const rounds = (count: number): void => {
    for (let round = 0; round < count; round++) {
      v0 = (v0 + v1) & mask;
      v1 = turn(v1, 13n) ^ v0;
      v0 = turn(v0, 32n);
      v2 = (v2 + v3) & mask;
      v3 = turn(v3, 16n) ^ v2;
      v0 = (v0 + v3) & mask;
      v3 = turn(v3, 21n) ^ v0;
      v2 = (v2 + v1) & mask;
      v1 = turn(v1, 17n) ^ v2;
      v2 = turn(v2, 32n);
    }
  };
  const padded = Buffer.alloc(8 * (Math.floor(bytes.length / 8) + 1));
  padded.set(bytes);
  padded[padded.length - 1] = bytes.length & 0xff;
  for (let at = 0; at < padded.length; at += 8) {
    const word = padded.readBigUInt64LE(at);
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  }
  const output = Buffer.alloc(16);
  v2 ^= 0xeen;
  rounds(4);
  output.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3, 0);
  v1 ^= 0xddn;
  rounds(4);
  output.writeBigUInt64LE(v0 ^ v1 ^ v2 ^ v3, 8);
  return output.toString('hex');
}

describe('SipHash-2-4 with 128 bits', () => {
  test.each(VECTORS.map((vector, length) => [length, vector] as const))(
    'gives the published hash of %i bytes',
    (length, vector) => {
      expect(hashOf(Uint8Array.from({ length: length }, (_, index) => index))).toBe(vector);
    },
  );

  test('matches the paper for any key and bytes, wherever they lie in a buffer', () => {
    const key = fc.uint8Array({ minLength: 16, maxLength: 16 });
    const bytes = fc.uint8Array({ maxLength: 400 });
    fc.assert(
      fc.property(key, bytes, fc.nat(7), (key, bytes, offset) => {
        const shifted = new Uint8Array(offset + bytes.length + 9).fill(0xa5);
        shifted.set(bytes, offset);
        const shiftedKey = Buffer.concat([new Uint8Array(offset), key]).subarray(offset);
        expect(hashOf(shifted.subarray(offset), { key: shiftedKey, length: bytes.length })).toBe(
          referenceOf(key, bytes),
        );
      }),
      { numRuns: 500 },
    );
  });
});
