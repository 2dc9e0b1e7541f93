/** The aggregates in Redis: applying batches, sealing, reading. Every call is atomic in its shard. */
import { randomUUID } from 'node:crypto';
import type { AmountSum } from '../core/amount.ts';
import type { AggregateKey } from '../contract/pulse.ts';
import type { RedisClient } from '../platform/redis.ts';
import { BatchFold, type FoldedBatch } from './batch-fold.ts';
import { KeyTable, type KeySlot } from './key-table.ts';
import { fromField, shardKeys, shardOf } from './keys.ts';
import { LIBRARY_VERSION } from './library.ts';
import { matchArguments, type RowFilter } from './row-filter.ts';
import { classify, createShardCalls } from './shard-calls.ts';
import { readSum } from './sum-codec.ts';

export { BatchFold, KeyTable, shardOf, type KeySlot };
export type { FoldedBatch, RowFilter };

/** The header of a batch of sums, live or sealed. */
export interface SealedBatch {
  readonly batchId: string;
  readonly shard: number;
  /** Distinct keys. */
  readonly rowCount: number;
  readonly pulseCount: bigint;
  /** No row's window starts outside these seconds. Refused pulses may have widened the range. */
  readonly windowMinSec: number;
  readonly windowMaxSec: number;
  /** The time of the first write, by Redis's clock. */
  readonly openedAtSec: number;
}

export type SealedBatchRef = Pick<SealedBatch, 'shard' | 'batchId'>;

/** One sum, which becomes a row. */
export interface AggregateRow extends AggregateKey {
  readonly amount: AmountSum;
  readonly pulseCount: number;
}

/** counted + duplicates + refused.length is the pulse count of the batch. */
export interface ApplyResult {
  readonly counted: number;
  readonly duplicates: number;
  /** Positions of the pulses that were not added, because their sum would overflow int64. */
  readonly refused: readonly number[];
}

/** The books of one shard at one moment: counted = all that was ever flushed + sealed + live. */
export interface ShardBooks {
  readonly shard: number;
  /** See epoch.ts; null when Redis has none. */
  readonly epoch: string | null;
  readonly counted: bigint;
  readonly duplicates: bigint;
  readonly live: SealedBatch | null;
  /** Oldest first. */
  readonly sealed: readonly SealedBatch[];
  /** Ids that Redis remembers. */
  readonly seenIdCount: number;
}

export interface AccumulatorOptions {
  readonly redis: RedisClient;
  readonly shards: number;
  readonly dedupeWindowSeconds: number;
  /** Replicas that must have a batch before `apply` resolves; 0 unless given. */
  readonly replicasMin?: number;
  /** `apply` refuses books of another epoch, see epoch.ts. Not needed by processes that apply nothing. */
  readonly epoch?: string;
}

/** Elements in one HSCAN step: enough to be cheap, few enough not to block Redis. */
const SCAN_COUNT = 2_000;

export type Accumulator = ReturnType<typeof createAccumulator>;

/**
 * Access to the sums of all shards. Sends nothing before the first call.
 *
 * All methods throw TransientError PULSE_REDIS_APPLY when Redis is unavailable or cannot write at present (the call may
 * have been applied, and is safe to repeat), and FatalError when Redis holds something that is not Pulse's.
 */
export function createAccumulator(options: AccumulatorOptions) {
  const { redis, shards, dedupeWindowSeconds, replicasMin = 0, epoch = '' } = options;
  const { call, callReplicated } = createShardCalls({ redis, replicasMin });

  const apply = async (shard: number, batch: FoldedBatch): Promise<ApplyResult> => {
    const keys = shardKeys(shard);
    const reply = await callReplicated(
      'pulse_apply',
      [keys.live, keys.books, keys.seenPrefix],
      [
        randomUUID(),
        String(dedupeWindowSeconds),
        String(batch.windowMinSec),
        String(batch.windowMaxSec),
        batch.ids,
        batch.pulses,
        batch.fields,
        batch.sums,
        epoch,
      ],
    );
    const [counted, duplicates, refused] = reply as [number, number, number[]];
    return { counted, duplicates, refused };
  };

  const readEpoch = (books: string): Promise<string | null> =>
    redis.hget(books, 'epoch').catch(async (error: unknown) => {
      throw await classify(redis, error);
    });

  const readBooks = async (shard: number): Promise<ShardBooks> => {
    const keys = shardKeys(shard);
    const reply = await call(
      'pulse_books',
      [keys.live, keys.books, keys.sealedIndex, keys.sealedPrefix],
      [],
    );
    const books = toBooks(shard, reply as BooksReply);
    const { epoch = await readEpoch(keys.books) } = books;
    return { ...books, epoch };
  };

  const probe = async (shard: number): Promise<void> => {
    await apply(shard, { ...new BatchFold('').fold(), windowMinSec: 0, windowMaxSec: 0 });
  };

  return {
    shards,

    /** Resolves if Redis can take a batch for the shard at present; writes no pulse. */
    probe,

    /** Adds a folded batch, each id at most once. Pulses without an id are always added. */
    apply,

    /** Freezes the live sums under their batch id; null when there are none. */
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

    /** Streams the rows of a sealed batch. A row may come twice while Redis rehashes the hash. */
    async *readRows(batch: SealedBatchRef): AsyncGenerator<AggregateRow[]> {
      // Replicas that have this probe have the seal before it. Otherwise a replica without the seal could take over
      // after the rows have reached Postgres, and they would be counted again.
      if (replicasMin > 0) await probe(batch.shard);
      yield* scanRows(redis, batch);
    },

    /**
     * One step of reading those rows of a batch, live or sealed, that match a filter.
     *
     * All steps together return every row that the batch had before the first step, each the sum of whole pulses. The
     * rows of one step are from one moment. A row may be returned twice while the batch is live: the later one counts.
     *
     * @param cursor `'0'` to begin; after the last step, `'0'` is returned.
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

async function* scanRows(
  redis: RedisClient,
  { shard, batchId }: SealedBatchRef,
): AsyncGenerator<AggregateRow[]> {
  const key = shardKeys(shard).sealedPrefix + batchId;
  const scan = (cursor: string): Promise<[Buffer, Buffer[]]> => {
    const step = redis
      .hscanBuffer(key, cursor, 'COUNT', SCAN_COUNT)
      .catch(async (error: unknown) => {
        throw await classify(redis, error);
      });
    // If the reader stops early, nothing awaits this step.
    step.catch(() => undefined);
    return step;
  };
  let step = scan('0');
  for (;;) {
    const [next, elements] = await step;
    const cursor = next.toString();
    // Before the rows are used, so that Redis finds the next ones at the same time.
    if (cursor !== '0') step = scan(cursor);
    yield toRows(elements);
    if (cursor === '0') return;
  }
}

interface MatchStep {
  readonly cursor: string;
  readonly filter: RowFilter;
}

async function matchRows(
  redis: RedisClient,
  { shard, batchId }: SealedBatchRef,
  { cursor, filter }: MatchStep,
): Promise<{ cursor: string; rows: AggregateRow[] } | null> {
  const { live, sealedPrefix } = shardKeys(shard);
  const args = [live, sealedPrefix + batchId, LIBRARY_VERSION, batchId, cursor];
  const reply = (await redis
    .callBuffer('fcall', 'pulse_match', 2, ...args, ...matchArguments(filter))
    .catch(async (error: unknown) => {
      throw await classify(redis, error);
    })) as Buffer[] | null;
  return reply && { cursor: String(reply[0]), rows: toRows(reply.slice(1)) };
}

type Header = [
  batchId: string,
  openedAt: string,
  pulseCount: string,
  windowMin: string,
  windowMax: string,
  rowCount: number,
];

type BooksReply = [
  counted: string,
  duplicates: string,
  live: Header | null,
  sealed: Header[],
  seenIdCount?: number,
  epoch?: string | null,
];

/** The library of an earlier build returns neither of the last two. */
function toBooks(
  shard: number,
  [counted, duplicates, live, sealed, seenIdCount = 0, epoch]: BooksReply,
): Omit<ShardBooks, 'epoch'> & { readonly epoch: string | null | undefined } {
  return {
    shard,
    epoch,
    counted: BigInt(counted),
    duplicates: BigInt(duplicates),
    live: live === null ? null : toBatch(shard, live),
    sealed: sealed.map((header) => toBatch(shard, header)),
    seenIdCount,
  };
}

function toBatch(
  shard: number,
  [batchId, openedAt, pulseCount, windowMin, windowMax, rowCount]: Header,
): SealedBatch {
  return {
    batchId,
    shard,
    rowCount,
    pulseCount: BigInt(pulseCount),
    windowMinSec: Number(windowMin),
    windowMaxSec: Number(windowMax),
    openedAtSec: Number(openedAt),
  };
}

function toRows(elements: readonly Buffer[]): AggregateRow[] {
  const rows: AggregateRow[] = [];
  for (let index = 0; index + 1 < elements.length; index += 2) {
    const field = elements[index]?.toString() ?? '';
    const value = elements[index + 1];
    const key = fromField(field);
    if (key === undefined || value === undefined) continue;
    const { tenant, sku, unit, windowStartSec } = key;
    const { amount, pulseCount } = readSum(value);
    // Spelt out: two spreads a row took a third of Node's time in a flush, without Postgres.
    rows.push({ tenant, sku, unit, windowStartSec, amount, pulseCount });
  }
  return rows;
}
