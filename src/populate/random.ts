/** A small seeded random number generator, for test traffic only. */

export interface Random {
  /** 0 ≤ result < 1. */
  fraction(): number;
  /** An integer, 0 ≤ result < limit. */
  below(limit: number): number;
}

/**
 * Creates a generator; the same seed gives the same numbers on every machine.
 *
 * @see https://gist.github.com/tommyettinger/46a874533244883189143505d203312c (mulberry32)
 */
export function createRandom(seed: number): Random {
  let state = seed | 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { fraction, below: (limit) => Math.floor(fraction() * limit) };
}
