/** What Redis knows of the status. */
import { readAllBooks, type BooksReader, type ShardBooks } from '../aggregate/accumulator.ts';
import { readHeldEpochs } from '../aggregate/epoch.ts';
import type { HeldBatches } from '../doctor/check-flush.ts';
import type { RedisClient } from '../platform/redis.ts';
import type { Sums } from './status.ts';

export interface InRedis {
  /** Distinct. */
  readonly epochs: readonly (string | null)[];
  readonly sums: Sums;
  /** Of each shard; empty when there are no books. */
  readonly batches: readonly HeldBatches[];
}

/**
 * Reads the books. Of a Redis that was never counted in, or has lost its data, the books are empty, and asking for them
 * would load the functions.
 */
export async function readRedis(redis: RedisClient, accumulator: BooksReader): Promise<InRedis> {
  const epochs = [...new Set(await readHeldEpochs({ redis, accumulator }))];
  const batches = epochs.includes(null) ? [] : await readAllBooks(accumulator);
  return { epochs, sums: sumUp(batches, Date.now()), batches };
}

function sumUp(books: readonly ShardBooks[], nowMs: number): Sums {
  const total = (read: (shard: ShardBooks) => bigint): bigint =>
    books.reduce((sum, shard) => sum + read(shard), 0n);
  const sealed = books.flatMap((shard) => shard.sealed);
  const held = [...sealed, ...books.flatMap(({ live }) => live ?? [])];
  // A sealed batch whose sums are missing in Redis has no time.
  const openedMs = held.map(({ openedAtSec }) => openedAtSec * 1000).filter((ms) => ms > 0);
  return {
    received: total(({ appended }) => appended),
    counted: total(({ counted }) => counted),
    duplicates: total(({ duplicates }) => duplicates),
    journalled: total(({ journalled }) => journalled),
    journalSeconds: ageSeconds(
      books.flatMap(({ journalSinceMs }) => journalSinceMs ?? []),
      nowMs,
    ),
    live: total(({ live }) => live?.pulseCount ?? 0n),
    sealed: sealed.reduce((sum, { pulseCount }) => sum + pulseCount, 0n),
    leftovers: sealed.length,
    unflushedSeconds: ageSeconds(openedMs, nowMs),
  };
}

/** Of the earliest; 0 when there is none. */
function ageSeconds(timesMs: readonly number[], nowMs: number): number {
  return Math.round(Math.max(0, nowMs - Math.min(nowMs, ...timesMs)) / 1000);
}
