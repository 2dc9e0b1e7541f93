/** Proves that no pulse was lost or counted twice between Redis and Postgres. */
import type { Pool } from 'pg';
import type { Accumulator, ShardBooks } from '../aggregate/accumulator.ts';
import { TransientError } from '../core/errors.ts';
import { countDeadLetters, sumFlushedPulses } from './ledger.ts';

/** The books of one shard. All in pulses. */
export interface ShardBalance {
  readonly shard: number;
  /** What the shard's own counter says was added to sums, ever. */
  readonly counted: bigint;
  /** What Postgres has of batches that Redis holds no more. */
  readonly flushed: bigint;
  readonly sealed: bigint;
  readonly live: bigint;
  readonly duplicates: bigint;
  /** counted − (flushed + sealed + live). Above zero: pulses were lost; below: counted twice. */
  readonly drift: bigint;
}

/** The books of all shards together. */
export interface Books extends Omit<ShardBalance, 'shard'> {
  readonly deadLetters: bigint;
  /** Every shard's drift is zero. */
  readonly balanced: boolean;
  readonly perShard: readonly ShardBalance[];
}

export interface BooksDeps {
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
  readonly pool: Pick<Pool, 'query'>;
}

const ATTEMPTS = 20;

/**
 * Balances the books. Right at any moment, while pulses are counted and flushed too.
 *
 * @throws TransientError A server did not answer, or (PULSE_TIMEOUT) flushes followed each other so
 * closely that no moment could be pinned down.
 */
export async function verifyBooks({ accumulator, pool }: BooksDeps): Promise<Books> {
  const perShard = await balanceShards({ accumulator, pool });
  const total = (name: keyof Omit<ShardBalance, 'shard'>): bigint =>
    perShard.reduce((sum, balance) => sum + balance[name], 0n);
  return {
    counted: total('counted'),
    flushed: total('flushed'),
    sealed: total('sealed'),
    live: total('live'),
    duplicates: total('duplicates'),
    drift: total('drift'),
    deadLetters: await countDeadLetters(pool),
    balanced: perShard.every(({ drift }) => drift === 0n),
    perShard,
  };
}

/** The same without the quarantine, whose counting grows with it: cheap enough to be done all the time. */
export async function balanceShards({ accumulator, pool }: BooksDeps): Promise<ShardBalance[]> {
  const perShard: ShardBalance[] = [];
  for (let shard = 0; shard < accumulator.shards; shard++) {
    perShard.push(await balanceShard({ accumulator, pool }, shard));
  }
  return perShard;
}

/**
 * Redis is read first, in one atomic call, and its batches are left out of the sum in Postgres. So a
 * batch that is flushed in between is still counted once, as sealed. Only a batch that is born and
 * flushed in between would be counted too often; the second reading of Redis rules that out.
 */
async function balanceShard(
  { accumulator, pool }: BooksDeps,
  shard: number,
): Promise<ShardBalance> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const books = await accumulator.readBooks(shard);
    const held = books.live === null ? books.sealed : [...books.sealed, books.live];
    // A batch whose sums are gone from Redis counts as what the ledger has of it.
    const exceptBatchIds = held
      .filter(({ rowCount }) => rowCount > 0)
      .map((batch) => batch.batchId);
    const flushed = await sumFlushedPulses(pool, { shard, exceptBatchIds });
    if (noBatchBorn(books, await accumulator.readBooks(shard))) return balance(books, flushed);
  }
  throw new TransientError('PULSE_TIMEOUT', `The books of shard ${shard} never held still.`);
}

function noBatchBorn(before: ShardBooks, after: ShardBooks): boolean {
  if (before.live?.batchId !== after.live?.batchId) return false;
  // Without a live batch the next pulse counted would have opened one.
  return before.live !== null || before.counted === after.counted;
}

function balance(
  { shard, counted, duplicates, ...held }: ShardBooks,
  flushed: bigint,
): ShardBalance {
  const sealed = held.sealed.reduce((sum, { pulseCount }) => sum + pulseCount, 0n);
  const live = held.live?.pulseCount ?? 0n;
  const drift = counted - (flushed + sealed + live);
  return { shard, counted, flushed, sealed, live, duplicates, drift };
}
