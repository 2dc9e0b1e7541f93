/** Writes sums for any number of keys into Redis, without the broker. */
import { BatchFold } from '../src/aggregate/accumulator.ts';
import { HOUR_SECONDS, windowStartSec } from '../src/core/window.ts';
import type { Installation } from './installation.ts';
import { keyNames } from './traffic.ts';

const PULSES_PER_CALL = 4_000;
/** With few keys, one call costs little but its ids. */
const PULSES_PER_CALL_OF_ONE_KEY = 20_000;

export interface SeedOptions {
  readonly keyCount: number;
  /** The time of use, in milliseconds since 1970. */
  readonly timeMs: number;
  /** Each pulse gets an id: this text and its index. Without it, no pulse has an id. */
  readonly idPrefix?: string;
  readonly pulseCount?: number;
}

/** Counts one pulse of 1.001 units per key, or `pulseCount` pulses spread over the keys in turn. */
export async function seedSums(
  { accumulator }: Pick<Installation, 'accumulator'>,
  { keyCount, timeMs, idPrefix, pulseCount = keyCount }: SeedOptions,
): Promise<{ counted: number; duplicates: number }> {
  const total = { counted: 0, duplicates: 0 };
  const windowStart = windowStartSec(timeMs, HOUR_SECONDS);
  const perCall = keyCount === 1 ? PULSES_PER_CALL_OF_ONE_KEY : PULSES_PER_CALL;
  let applying: Promise<void> = Promise.resolve();
  for (let from = 0; from < pulseCount; from += perCall) {
    const fold = new BatchFold('the secret of the bench');
    const until = Math.min(pulseCount, from + perCall);
    for (let index = from; index < until; index++) {
      const id = idPrefix === undefined ? undefined : `${idPrefix}${index}`;
      const amount = { whole: 1, nano: 1_000_000 };
      fold.add({ ...keyNames(index % keyCount), windowStartSec: windowStart, amount, id });
    }
    // Redis applies one call while the next is folded.
    await applying;
    applying = accumulator.apply(0, fold.fold()).then((result) => {
      total.counted += result.counted;
      total.duplicates += result.duplicates;
    });
  }
  await applying;
  return total;
}
