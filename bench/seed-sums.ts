/** Writes sums for any number of keys into Redis, without the broker. */
import { EntryWriter, IdFingerprints } from '../src/aggregate/accumulator.ts';
import { shardKeys } from '../src/aggregate/keys.ts';
import { HOUR_SECONDS, windowStartSec } from '../src/core/window.ts';
import { PulseError } from '../src/core/errors.ts';
import { sleep } from '../src/platform/backoff.ts';
import { foldShard } from './fold-journals.ts';
import { DEDUPE_WINDOW_SECONDS, type Installation } from './installation.ts';
import { createEntryKeys } from './entry-keys.ts';
import { keyNames } from './traffic.ts';

const PULSES_PER_ENTRY = 4_000;
const POLL_MS = 20;

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
  { accumulator, redis }: Pick<Installation, 'accumulator' | 'redis'>,
  { keyCount, timeMs, idPrefix, pulseCount = keyCount }: SeedOptions,
): Promise<{ counted: number; duplicates: number }> {
  const windowStart = windowStartSec(timeMs, HOUR_SECONDS);
  const fingerprints = new IdFingerprints('the secret of the bench');
  const before = await accumulator.readBooks(0);
  await whileFolding(redis, async () => {
    for (let from = 0; from < pulseCount; from += PULSES_PER_ENTRY) {
      const keyOf = createEntryKeys();
      const writer = new EntryWriter(fingerprints);
      const until = Math.min(pulseCount, from + PULSES_PER_ENTRY);
      for (let index = from; index < until; index++) {
        const id = idPrefix === undefined ? undefined : `${idPrefix}${index}`;
        const amount = { whole: 1, nano: 1_000_000 };
        const key = { ...keyNames(index % keyCount), windowStartSec: windowStart };
        writer.add({ ...key, amount, id }, keyOf(key));
      }
      await appendWhenThereIsRoom(accumulator, writer);
    }
    while ((await redis.xlen(shardKeys(0).journal)) > 0) await sleep(POLL_MS);
  });
  const after = await accumulator.readBooks(0);
  return {
    counted: Number(after.counted - before.counted),
    duplicates: Number(after.duplicates - before.duplicates),
  };
}

/** Runs an aggregator for shard 0 meanwhile; a worker that has the lease keeps it. */
export async function whileFolding(
  redis: Installation['redis'],
  work: () => Promise<void>,
  generationIdsMax?: number,
): Promise<void> {
  const stopping = new AbortController();
  const options = { shard: 0, windowSeconds: DEDUPE_WINDOW_SECONDS };
  const folding = foldShard(
    redis,
    { ...options, ...(generationIdsMax === undefined ? {} : { generationIdsMax }) },
    stopping.signal,
  );
  try {
    await Promise.race([work(), folding]);
  } finally {
    stopping.abort();
    await folding;
  }
}

async function appendWhenThereIsRoom(
  { append }: Pick<Installation['accumulator'], 'append'>,
  writer: EntryWriter,
): Promise<void> {
  const entry = writer.toEntry();
  for (;;) {
    try {
      await append(0, writer.pulseCount, entry);
      return;
    } catch (error) {
      if (!(error instanceof PulseError) || error.code !== 'PULSE_JOURNAL_FULL') throw error;
      await sleep(POLL_MS);
    }
  }
}
