/** The sums in Redis, for everyone but their aggregator: appending pulses, sealing, reading. Every call is atomic in its shard. */
import type { AmountSum } from '../core/amount.ts';
import type { AggregateKey } from '../contract/pulse.ts';
import type { RedisClient } from '../platform/redis.ts';
import { IdFingerprints } from './id-fingerprint.ts';
import { EntryWriter } from './journal-entry.ts';
import { createEntryKeyMaker, type EntryKey } from './entry-key.ts';
import { shardKeys, shardOf } from './keys.ts';
import { LIBRARY_VERSION } from './library.ts';
import { bucketsOf, matchArguments, type RowFilter } from './row-filter.ts';
import { parseSeenState } from './seen-state.ts';
import { scanTexts } from './scan-texts.ts';
import { classify, createShardCalls } from './shard-calls.ts';
import { fromSumField, fromSumValue, SUM_COLUMNS } from './sum-field.ts';

export { EntryWriter, IdFingerprints, createEntryKeyMaker, shardOf, SUM_COLUMNS };
export type { EntryKey, RowFilter };

/** The header of a batch of sums, live or sealed. */
export interface SealedBatch {
  readonly batchId: string;
  readonly shard: number;
  /** Distinct keys. */
  readonly rowCount: number;
  readonly pulseCount: bigint;
  /** The sum of all its amounts, whatever their units: a checksum. */
  readonly amount: string;
  /** Of its earliest and latest sum. */
  readonly windowMinSec: number;
  readonly windowMaxSec: number;
  /** The time of the first commit, by Redis's clock. */
  readonly openedAtSec: number;
}

export type SealedBatchRef = Pick<SealedBatch, 'shard' | 'batchId'>;

/** One sum, which becomes a row. */
export interface AggregateRow extends AggregateKey {
  readonly amount: AmountSum;
  readonly pulseCount: number;
}

/**
 * The books of one shard at one moment: appended = counted + duplicates + journalled, and counted = all that was ever
 * flushed + sealed + live.
 */
export interface ShardBooks {
  readonly shard: number;
  /** See epoch.ts; null when Redis has none. */
  readonly epoch: string | null;
  readonly appended: bigint;
  /** Pulses that are in the journal and not folded. */
  readonly journalled: bigint;
  readonly journalBytes: number;
  /** When the oldest entry of the journal was appended, by Redis's clock; null when the journal is empty. */
  readonly journalSinceMs: number | null;
  /** Whether an aggregator folds the journal. */
  readonly isLeased: boolean;
  readonly counted: bigint;
  readonly duplicates: bigint;
  readonly live: SealedBatch | null;
  /** Oldest first. */
  readonly sealed: readonly SealedBatch[];
  /** Ids that are remembered. */
  readonly seenIdCount: number;
}

export interface AccumulatorOptions {
  readonly redis: RedisClient;
  readonly shards: number;
  /** Replicas that must have a batch before `append` resolves; 0 unless given. */
  readonly replicasMin?: number;
  /** `append` refuses books of another epoch, see epoch.ts. Not needed by processes that append nothing. */
  readonly epoch?: string;
  /** Bytes that the journal of a shard may have. */
  readonly journalBytesMax?: number;
}

export const JOURNAL_BYTES_MAX = 256 * 1024 * 1024;

export type Accumulator = ReturnType<typeof createAccumulator>;
export type BooksReader = Pick<Accumulator, 'shards' | 'readBooks'>;

/** Of each shard, in their order. */
export function readAllBooks({ shards, readBooks }: BooksReader): Promise<ShardBooks[]> {
  return Promise.all(Array.from({ length: shards }, (_, shard) => readBooks(shard)));
}

/**
 * Access to the sums of all shards. Sends nothing before the first call.
 *
 * All methods throw TransientError PULSE_REDIS_APPLY when Redis is unavailable or cannot write at present (the call may
 * have been applied, and is safe to repeat), and FatalError when Redis holds something that is not Pulse's.
 */
export function createAccumulator(options: AccumulatorOptions) {
  const { redis, shards, replicasMin = 0, epoch = '' } = options;
  const { journalBytesMax = JOURNAL_BYTES_MAX } = options;
  const { call, callReplicated } = createShardCalls({ redis, replicasMin });

  const append = (shard: number, pulseCount: number, entry: Buffer): Promise<void> =>
    appendTo(shard, pulseCount, { entry, bytesMax: journalBytesMax });

  const appendTo = async (
    shard: number,
    pulseCount: number,
    { entry, bytesMax }: { readonly entry: Buffer; readonly bytesMax: number },
  ): Promise<void> => {
    const { journal, books } = shardKeys(shard);
    const args = [epoch, String(bytesMax), String(pulseCount), entry];
    await callReplicated('pulse_append', [journal, books], args);
  };

  const readBooks = async (shard: number): Promise<ShardBooks> => {
    const keys = shardKeys(shard);
    const reply = await call(
      'pulse_books',
      [keys.live, keys.books, keys.sealedIndex, keys.sealedPrefix, keys.journal, keys.lease],
      [],
    );
    return toBooks(shard, reply as BooksReply);
  };

  const probe = (shard: number): Promise<void> => append(shard, 0, Buffer.alloc(0));

  return {
    shards,

    /** Resolves if Redis can take batches for the shard at present, and the journal has room; writes no pulse. */
    probe,

    /**
     * Adds an entry of pulses to the journal. Safe to repeat: pulses with an id are then duplicates, those without one
     * are counted again.
     *
     * @throws TransientError PULSE_JOURNAL_FULL Nothing was added.
     */
    append,

    /** Freezes the live sums under their batch id; null when there are none. What is journalled is not in it. */
    async seal(shard: number): Promise<SealedBatch | null> {
      const keys = shardKeys(shard);
      const header = await call('pulse_seal', [keys.live, keys.sealedIndex, keys.sealedPrefix], []);
      return header === null ? null : toBatch(shard, header as Header);
    },

    /** The batches that are sealed and not discarded, oldest first. */
    async listSealed(shard: number): Promise<readonly SealedBatch[]> {
      return (await readBooks(shard)).sealed;
    },

    readBooks,

    /**
     * Streams the sums of a sealed batch as text, a tab between all columns of all sums: see sum-field.ts. Each chunk has
     * whole sums, or none. A sum may come twice while Redis rehashes a hash.
     */
    async *readSums(batch: SealedBatchRef): AsyncGenerator<Buffer> {
      // Replicas that have this call have the seal before it. Otherwise a replica without the seal could take over
      // after the rows have reached Postgres, and they would be counted again. A full journal must not matter.
      const nothing = { entry: Buffer.alloc(0), bytesMax: Number.MAX_SAFE_INTEGER };
      if (replicasMin > 0) await appendTo(batch.shard, 0, nothing);
      yield* scanTexts(redis, shardKeys(batch.shard).sealedPrefix + batch.batchId);
    },

    /**
     * One step of reading those rows of a batch, live or sealed, that match a filter.
     *
     * All steps together return every row that the batch had before the first step, each the sum of whole pulses. The
     * rows of one step are from one moment. A row may be returned twice while the batch is live: the later one counts.
     *
     * @param cursor Undefined to begin; after the last step, undefined is returned.
     * @returns null when Redis no longer has the batch: it was flushed.
     */
    readMatching: (batch: SealedBatchRef, step: MatchStep) => matchRows(redis, batch, step),

    /** Deletes a sealed batch. Safe to repeat. */
    async discardSealed({ shard, batchId }: SealedBatchRef): Promise<void> {
      const keys = shardKeys(shard);
      await call('pulse_discard', [keys.sealedIndex, keys.sealedPrefix + batchId], [batchId]);
    },
  };
}

export interface MatchCursor {
  /** In the list of buckets, from 1. */
  readonly position: number;
  readonly cursor: string;
}

interface MatchStep {
  readonly cursor: MatchCursor | undefined;
  readonly filter: RowFilter;
}

async function matchRows(
  redis: RedisClient,
  { shard, batchId }: SealedBatchRef,
  { cursor, filter }: MatchStep,
): Promise<{ cursor: MatchCursor | undefined; rows: AggregateRow[] } | null> {
  const { live, sealedPrefix } = shardKeys(shard);
  const at = cursor ?? { position: 1, cursor: '0' };
  const reply = (await redis
    .fcall(
      'pulse_match',
      2,
      live,
      sealedPrefix + batchId,
      LIBRARY_VERSION,
      batchId,
      JSON.stringify(bucketsOf(filter)),
      at.position,
      at.cursor,
      ...matchArguments(filter),
    )
    .catch(async (error: unknown) => {
      throw await classify(redis, error);
    })) as [number, string, ...string[]] | null;
  if (reply === null) return null;
  const [position, next, ...elements] = reply;
  return {
    cursor: position === 0 ? undefined : { position, cursor: next },
    rows: toRows(elements),
  };
}

type Header = [
  batchId: string,
  openedAt: string,
  pulseCount: string,
  amount: string,
  windowMin: string,
  windowMax: string,
  rowCount: number,
];

type BooksReply = [
  appended: string | null,
  journalled: string | null,
  journalBytes: string | null,
  counted: string | null,
  duplicates: string | null,
  generations: string | null,
  epoch: string | null,
  live: Header | null,
  sealed: Header[],
  oldestEntryId: string | null,
  isLeased: 0 | 1,
];

function toBooks(shard: number, reply: BooksReply): ShardBooks {
  const [appended, journalled, journalBytes, counted, duplicates, generations, epoch] = reply;
  const [, , , , , , , live, sealed, oldestEntryId, isLeased] = reply;
  // The books of a version without a journal: the first append adds `appended`.
  const settled = BigInt(counted ?? 0) + BigInt(duplicates ?? 0);
  return {
    shard,
    epoch,
    appended: BigInt(appended ?? settled),
    journalled: BigInt(journalled ?? 0),
    journalBytes: Number(journalBytes ?? 0),
    // An id begins with the milliseconds of its entry.
    journalSinceMs: oldestEntryId === null ? null : Number.parseInt(oldestEntryId, 10),
    isLeased: isLeased === 1,
    counted: BigInt(counted ?? 0),
    duplicates: BigInt(duplicates ?? 0),
    live: live === null ? null : toBatch(shard, live),
    sealed: sealed.map((header) => toBatch(shard, header)),
    seenIdCount: parseSeenState(generations).list.reduce((sum, { count }) => sum + count, 0),
  };
}

function toBatch(
  shard: number,
  [batchId, openedAt, pulseCount, amount, windowMin, windowMax, rowCount]: Header,
): SealedBatch {
  return {
    batchId,
    shard,
    rowCount,
    pulseCount: BigInt(pulseCount),
    amount,
    windowMinSec: Number(windowMin),
    windowMaxSec: Number(windowMax),
    openedAtSec: Number(openedAt),
  };
}

function toRows(elements: readonly string[]): AggregateRow[] {
  const rows: AggregateRow[] = [];
  for (let index = 0; index + 1 < elements.length; index += 2) {
    const { tenant, sku, unit, windowStartSec } = fromSumField(elements[index] ?? '');
    const { amount, pulseCount } = fromSumValue(elements[index + 1] ?? '');
    rows.push({ tenant, sku, unit, windowStartSec, amount, pulseCount });
  }
  return rows;
}
