/**
 * HalfSipHash-1-3 with 32 bits of output: a hash for tables in memory, made for short inputs. Whoever does not know the
 * key cannot find inputs that collide.
 *
 * @see https://github.com/veorq/SipHash, and include/linux/siphash.h of Linux, which uses it for its tables
 */
export class HalfSipHash {
  readonly #key0: number;
  readonly #key1: number;

  constructor(key0: number, key1: number) {
    this.#key0 = key0;
    this.#key1 = key1;
  }

  /** The hash of the bytes from `from` to before `to`, as a signed number. */
  hash(view: DataView, from: number, to: number): number {
    let v0 = this.#key0 | 0;
    let v1 = this.#key1 | 0;
    let v2 = 0x6c796765 ^ this.#key0;
    let v3 = 0x74656462 ^ this.#key1;
    // The steps: whole words, the last word with the rest and the length, then three rounds without a word.
    const lastWordAt = from + ((to - from) & ~3);
    const end = lastWordAt + 4 * 3;
    for (let at = from; at <= end; at += 4) {
      let word = 0;
      if (at < lastWordAt) word = view.getInt32(at, true);
      else if (at === lastWordAt) word = readRest(view, at, to) | ((to - from) << 24);
      else if (at === lastWordAt + 4) v2 ^= 0xff;
      v3 ^= word;
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
    }
    return v1 ^ v3;
  }
}

/** Up to three bytes, little-endian. */
function readRest(view: DataView, from: number, to: number): number {
  let word = 0;
  for (let at = from; at < to; at++) word |= view.getUint8(at) << (8 * (at - from));
  return word;
}
