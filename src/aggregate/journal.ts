/** What an aggregator needs of Redis: the journal, the lease, and the commit. */
import type { RedisClient } from '../platform/redis.ts';
import { formatAmount, parseSum } from '../core/amount.ts';
import { FatalError } from '../core/errors.ts';
import { generationKeys, shardKeys } from './keys.ts';
import { LiveSums, NO_SUMS, type ChangedSums, type SumsHeader } from './live-sums.ts';
import { readSums } from './read-sums.ts';
import { scanTexts } from './scan-texts.ts';
import { classify, createShardCalls } from './shard-calls.ts';

export interface LeaseRequest {
  readonly action: 'take' | 'renew' | 'release';
  /** How long it lasts. */
  readonly milliseconds?: number;
}

/** An entry of the journal and its id. */
export interface StoredEntry {
  readonly id: string;
  readonly bytes: Buffer;
}

/** What a round of the fold did. */
export interface Round {
  readonly position: string;
  readonly counted: number;
  readonly duplicates: number;
  /** Of its entries. */
  readonly bytes: number;
  readonly sums: ChangedSums;
  readonly ids: { readonly generation: number; readonly chunk: Buffer };
  readonly generations: string;
  /** Those of the commit before; empty before the first. */
  readonly generationsBefore: string;
}

/** What the last commit left. */
export interface FoldedState {
  /** The id of the last folded entry; empty before the first. */
  readonly position: string;
  /** The generations of ids, for seen-ids.ts; null before the first commit. */
  readonly generations: string | null;
  readonly sums: LiveSums;
}

/** What tells whether a state in memory is that of Redis. */
export interface FoldedMarks {
  readonly position: string;
  readonly generations: string | null;
  /** Of the live batch; empty when there is none. */
  readonly batchId: string;
  readonly hasEntry: boolean;
}

export type Journal = ReturnType<typeof createJournal>;

/**
 * All methods throw TransientError PULSE_REDIS_APPLY when Redis is unavailable or cannot write at present (the call may
 * have been applied), and FatalError when Redis holds something that is not Pulse's.
 */
export function createJournal(redis: RedisClient) {
  const { call } = createShardCalls({ redis, replicasMin: 0 });
  const asking = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      throw await classify(redis, error);
    }
  };

  return {
    /** Up to `count` entries after `position`, oldest first; waits up to `waitMs` for the first. */
    async read(
      shard: number,
      { position, count, waitMs }: { position: string; count: number; waitMs: number },
    ): Promise<StoredEntry[]> {
      const { journal } = shardKeys(shard);
      const after = position === '' ? '0-0' : position;
      const reply = await asking(
        // 0 would wait for ever.
        waitMs === 0
          ? redis.xreadBuffer('COUNT', count, 'STREAMS', journal, after)
          : redis.xreadBuffer('COUNT', count, 'BLOCK', waitMs, 'STREAMS', journal, after),
      );
      const entries = (reply?.[0]?.[1] ?? []) as unknown as [Buffer, Buffer[]][];
      return entries.map(([id, [, bytes = Buffer.alloc(0)]]) => ({ id: id.toString(), bytes }));
    },

    /**
     * Takes, renews or releases the lease of a shard. One that has ended cannot be renewed: take it with a new token.
     *
     * @returns The time of Redis in seconds while `token` holds the lease, otherwise undefined.
     */
    async lease(
      shard: number,
      token: string,
      { action, milliseconds = 0 }: LeaseRequest,
    ): Promise<number | undefined> {
      const args = [token, action, String(milliseconds)];
      const time = await call('pulse_lease', [shardKeys(shard).lease], args);
      return time === null ? undefined : Number(time);
    },

    /**
     * Makes a round durable, all of it or nothing. Safe to repeat after PULSE_REDIS_APPLY.
     *
     * @param before The position before the round.
     * @returns 'sealed' when the live batch is not the one that the sums are of: nothing was written.
     * @throws TransientError PULSE_REDIS_LEASE Nothing was written; what was folded is worthless.
     */
    async commit(
      shard: number,
      { token, before, round }: { token: string; before: string; round: Round },
    ): Promise<'committed' | 'sealed'> {
      const reply = await call('pulse_commit', commitKeys(shard, round), [
        token,
        before,
        round.position,
        idAfter(round.position),
        ...[round.counted, round.duplicates, round.bytes].map(String),
        ...headerArguments(round.sums),
        round.ids.chunk,
        round.generations,
        round.generationsBefore,
        ...bucketArguments(round.sums),
      ]);
      return reply as 'committed' | 'sealed';
    },

    /**
     * Everything that the next round needs besides the ids. The caller holds the lease, so that nothing but a seal
     * changes it meanwhile; a seal makes the next commit answer 'sealed'.
     */
    load: (shard: number): Promise<FoldedState> => asking(loadState(redis, shard)),

    /** What changes with every commit and seal, and whether the journal has the entry `entryId`. */
    marks: (shard: number, entryId: string): Promise<FoldedMarks> =>
      asking(readMarks(redis, shard, entryId)),
  };
}

function commitKeys(shard: number, { ids }: Round): string[] {
  const { lease, live, books, journal } = shardKeys(shard);
  return [lease, live, books, journal, generationKeys(shard, ids.generation).chunks];
}

/** The smallest id after that of an entry: entries below it may go. */
function idAfter(position: string): string {
  if (position === '') return '0-0';
  const [milliseconds = '', sequence = ''] = position.split('-');
  return `${milliseconds}-${BigInt(sequence) + 1n}`;
}

function headerArguments(sums: ChangedSums): string[] {
  const { expectedBatchId, batchId, amount, windowMinSec, windowMaxSec } = sums;
  return [
    expectedBatchId,
    batchId,
    formatAmount(amount),
    String(windowMinSec),
    String(windowMaxSec),
  ];
}

function bucketArguments({ buckets }: ChangedSums): (string | Buffer)[] {
  return buckets.flatMap(({ bucket, packed }) => [String(bucket), packed]);
}

async function loadState(redis: RedisClient, shard: number): Promise<FoldedState> {
  const keys = shardKeys(shard);
  const [position, generations = null] = await redis.hmget(keys.books, 'position', 'seen');
  const header = await readHeader(redis, keys.live);
  const sums = new LiveSums(header);
  for await (const text of scanTexts(redis, keys.live)) sums.load(readSums(text));
  return { position: position ?? '', generations, sums };
}

async function readMarks(redis: RedisClient, shard: number, entryId: string): Promise<FoldedMarks> {
  const { books, live, journal } = shardKeys(shard);
  const [[position, generations = null], batchId, entries] = await Promise.all([
    redis.hmget(books, 'position', 'seen'),
    redis.hget(live, 'batch'),
    entryId === '' ? [] : redis.xrangeBuffer(journal, entryId, entryId),
  ]);
  const hasEntry = entries.length > 0;
  return { position: position ?? '', generations, batchId: batchId ?? '', hasEntry };
}

async function readHeader(redis: RedisClient, key: string): Promise<SumsHeader> {
  const header = await redis.hmget(key, 'batch', 'amount', 'window_min', 'window_max');
  const [batchId, amountText, windowMin, windowMax] = header;
  if (batchId == null) return NO_SUMS;
  const amount = parseSum(amountText ?? '');
  if (amount === undefined) {
    throw new FatalError('PULSE_REDIS_LIBRARY', `The header of the batch ${batchId} is damaged.`);
  }
  return { batchId, amount, windowMinSec: Number(windowMin), windowMaxSec: Number(windowMax) };
}
