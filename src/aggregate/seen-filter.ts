/**
 * A filter over the ids of one segment: "no" is certain, "maybe" is wrong for fewer than one in a thousand ids.
 *
 * A Bloom filter split into blocks of 32 bytes: an id sets one bit in each of the eight words of one block, so a
 * question touches one line of the processor's cache. It takes 20 bits an id.
 *
 * @see https://github.com/apache/parquet-format/blob/master/BloomFilter.md, whose salts these are
 */
import { ID_BYTES } from './id-fingerprint.ts';
import { readWord } from './seen-table.ts';

const BITS_PER_ID = 20;
const BLOCK_WORDS = 8;
const BLOCK_BITS = 32 * BLOCK_WORDS;
const SALTS = [
  0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d, 0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31,
] as const;

export class SeenFilter {
  readonly #words: Uint32Array;
  readonly #blockCount: number;

  private constructor(words: Uint32Array) {
    this.#words = words;
    this.#blockCount = words.length / BLOCK_WORDS;
  }

  /** @param ids Packed. */
  static build(ids: Buffer): SeenFilter {
    const idCount = ids.length / ID_BYTES;
    const blockCount = Math.max(1, Math.floor((idCount * BITS_PER_ID) / BLOCK_BITS));
    const filter = new SeenFilter(new Uint32Array(blockCount * BLOCK_WORDS));
    for (let offset = 0; offset < ids.length; offset += ID_BYTES) filter.#add(ids, offset);
    return filter;
  }

  static fromBuffer(buffer: Buffer): SeenFilter {
    // A copy, because the buffer may be an odd piece of a much larger one.
    const bytes = Uint8Array.from(buffer);
    return new SeenFilter(new Uint32Array(bytes.buffer));
  }

  toBuffer(): Buffer {
    return Buffer.from(this.#words.buffer);
  }

  get memoryBytes(): number {
    return this.#words.byteLength;
  }

  /** False when the id at `offset` is certainly not in the segment. */
  mayHave(ids: Uint8Array, offset: number): boolean {
    const words = this.#words;
    const block = this.#blockOf(ids, offset);
    const key = readWord(ids, offset + 6);
    for (let index = 0; index < BLOCK_WORDS; index++) {
      if (((words[block + index] ?? 0) & bitOf(key, index)) === 0) return false;
    }
    return true;
  }

  #add(ids: Uint8Array, offset: number): void {
    const block = this.#blockOf(ids, offset);
    const key = readWord(ids, offset + 6);
    for (let index = 0; index < BLOCK_WORDS; index++) {
      this.#words[block + index] = (this.#words[block + index] ?? 0) | bitOf(key, index);
    }
  }

  /** The first word of the block of an id, chosen by the 32 bits after those that segment and page share. */
  #blockOf(ids: Uint8Array, offset: number): number {
    return BLOCK_WORDS * Math.floor(readWord(ids, offset + 2) * (this.#blockCount / 2 ** 32));
  }
}

function bitOf(key: number, index: number): number {
  return 1 << (Math.imul(key, SALTS[index] ?? 0) >>> 27);
}
