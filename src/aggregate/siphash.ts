/**
 * SipHash-2-4 with 128 bits of output: a hash with a secret key, made for short inputs. Whoever does not know the key
 * cannot find two inputs with the same hash.
 *
 * A number holds no 64-bit integer, so each word of the state is two halves of 32 bits. The state is in local
 * variables: a call allocates nothing.
 *
 * @see https://www.aumasson.jp/siphash/siphash.pdf, and veorq/SipHash for the 128-bit output
 */
export class SipHash {
  /** The last hash, as little-endian 32-bit words. The next call overwrites it. */
  readonly output = new Uint32Array(4);
  readonly #key: Int32Array;

  /** @param key 16 bytes. */
  constructor(key: Uint8Array) {
    const view = new DataView(key.buffer, key.byteOffset, 16);
    this.#key = Int32Array.from({ length: 4 }, (_, index) => view.getInt32(4 * index, true));
  }

  /** Hashes `bytes[0]` to `bytes[length - 1]` into `output`. */
  hash(bytes: Uint8Array, length: number): void {
    // Not by destructuring, which would run an iterator.
    const key = this.#key;
    const k0l = key[0] ?? 0;
    const k0h = key[1] ?? 0;
    const k1l = key[2] ?? 0;
    const k1h = key[3] ?? 0;
    let v0l = k0l ^ 0x70736575;
    let v0h = k0h ^ 0x736f6d65;
    let v1l = k1l ^ 0x6e646f6d ^ 0xee;
    let v1h = k1h ^ 0x646f7261;
    let v2l = k0l ^ 0x6e657261;
    let v2h = k0h ^ 0x6c796765;
    let v3l = k1l ^ 0x79746573;
    let v3h = k1h ^ 0x74656462;

    // The steps: whole words, the last word with the rest and the length, then one for each half of the output.
    const lastWord = length >>> 3;
    for (let step = 0; step <= lastWord + 2; step++) {
      let ml = 0;
      let mh = 0;
      let rounds = 2;
      if (step < lastWord) {
        ml = readUint32(bytes, 8 * step);
        mh = readUint32(bytes, 8 * step + 4);
      } else if (step === lastWord) {
        ml = readTail(bytes, 8 * step, length);
        mh = readTail(bytes, 8 * step + 4, length) | (length << 24);
      } else {
        rounds = 4;
        if (step === lastWord + 1) v2l ^= 0xee;
        else v1l ^= 0xdd;
      }
      v3l ^= ml;
      v3h ^= mh;
      for (; rounds > 0; rounds--) {
        // v0 += v1; v1 <<<= 13; v1 ^= v0; v0 <<<= 32
        let low = (v0l + v1l) | 0;
        let high = (v0h + v1h + (low >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
        let turned = (v1l << 13) | (v1h >>> 19);
        v1h = ((v1h << 13) | (v1l >>> 19)) ^ high;
        v1l = turned ^ low;
        v0l = high;
        v0h = low;
        // v2 += v3; v3 <<<= 16; v3 ^= v2
        low = (v2l + v3l) | 0;
        v2h = (v2h + v3h + (low >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
        v2l = low;
        turned = (v3l << 16) | (v3h >>> 16);
        v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h;
        v3l = turned ^ v2l;
        // v0 += v3; v3 <<<= 21; v3 ^= v0
        low = (v0l + v3l) | 0;
        v0h = (v0h + v3h + (low >>> 0 < v0l >>> 0 ? 1 : 0)) | 0;
        v0l = low;
        turned = (v3l << 21) | (v3h >>> 11);
        v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h;
        v3l = turned ^ v0l;
        // v2 += v1; v1 <<<= 17; v1 ^= v2; v2 <<<= 32
        low = (v2l + v1l) | 0;
        high = (v2h + v1h + (low >>> 0 < v2l >>> 0 ? 1 : 0)) | 0;
        turned = (v1l << 17) | (v1h >>> 15);
        v1h = ((v1h << 17) | (v1l >>> 15)) ^ high;
        v1l = turned ^ low;
        v2l = high;
        v2h = low;
      }
      v0l ^= ml;
      v0h ^= mh;
      if (step > lastWord) {
        const half = 2 * (step - lastWord - 1);
        this.output[half] = v0l ^ v1l ^ v2l ^ v3l;
        this.output[half + 1] = v0h ^ v1h ^ v2h ^ v3h;
      }
    }
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] ?? 0) |
    ((bytes[at + 1] ?? 0) << 8) |
    ((bytes[at + 2] ?? 0) << 16) |
    ((bytes[at + 3] ?? 0) << 24)
  );
}

/** As readUint32, with zeros from `end` on. */
function readTail(bytes: Uint8Array, at: number, end: number): number {
  let word = 0;
  for (let index = at; index < at + 4 && index < end; index++) {
    word |= (bytes[index] ?? 0) << (8 * (index - at));
  }
  return word;
}
