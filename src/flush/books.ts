/** Proves that no pulse was lost or counted twice between Redis and Postgres. */
import type { Pool } from 'pg';
import type { Accumulator, ShardBooks } from '../aggregate/accumulator.ts';
import { TransientError } from '../core/errors.ts';
import { countDeadLetters, sumFlushedPulses } from './ledger.ts';

/** The books of one shard, all in pulses. */
export interface ShardBalance {
  readonly shard: number;
  /** All that was ever written to the journal. */
  readonly appended: bigint;
  /** What is in the journal and not folded. */
  readonly journalled: bigint;
  /** All that was ever added to sums, by the shard's own counter. */
  readonly counted: bigint;
  /** What Postgres has of batches that Redis no longer holds. */
  readonly flushed: bigint;
  readonly sealed: bigint;
  readonly live: bigint;
  readonly duplicates: bigint;
  /** counted − (flushed + sealed + live). Positive: pulses were lost. Negative: pulses were counted twice. */
  readonly drift: bigint;
  /** appended − (counted + duplicates + journalled), in the same sense. */
  readonly journalDrift: bigint;
}

export interface Books extends Omit<ShardBalance, 'shard'> {
  readonly deadLetters: bigint;
  /** Whether both drifts of every shard are zero. */
  readonly balanced: boolean;
  readonly perShard: readonly ShardBalance[];
}

export interface BooksDeps {
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
  readonly pool: Pick<Pool, 'query'>;
}

const ATTEMPTS = 20;

/**
 * Balances the books; correct at any moment, also while pulses are counted and flushed.
 *
 * @throws TransientError A server did not answer, or (PULSE_TIMEOUT) flushes followed each other too closely.
 */
export async function verifyBooks({ accumulator, pool }: BooksDeps): Promise<Books> {
  const perShard = await balanceShards({ accumulator, pool });
  const total = (name: keyof Omit<ShardBalance, 'shard'>): bigint =>
    perShard.reduce((sum, balance) => sum + balance[name], 0n);
  return {
    appended: total('appended'),
    journalled: total('journalled'),
    counted: total('counted'),
    flushed: total('flushed'),
    sealed: total('sealed'),
    live: total('live'),
    duplicates: total('duplicates'),
    drift: total('drift'),
    journalDrift: total('journalDrift'),
    deadLetters: await countDeadLetters(pool),
    balanced: perShard.every(({ drift, journalDrift }) => drift === 0n && journalDrift === 0n),
    perShard,
  };
}

/** Like verifyBooks without the quarantine, which takes longer to count the more it holds. Cheap enough to repeat. */
export async function balanceShards({ accumulator, pool }: BooksDeps): Promise<ShardBalance[]> {
  const perShard: ShardBalance[] = [];
  for (let shard = 0; shard < accumulator.shards; shard++) {
    perShard.push(await balanceShard({ accumulator, pool }, shard));
  }
  return perShard;
}

/**
 * Redis is read first, in one atomic call, and its batches are excluded from the sum in Postgres. So a batch that is
 * flushed in between is still counted once, as sealed. Only a batch that is opened and flushed in between would be
 * counted too often; a second read of Redis detects that.
 */
async function balanceShard(
  { accumulator, pool }: BooksDeps,
  shard: number,
): Promise<ShardBalance> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const books = await accumulator.readBooks(shard);
    const held = books.live === null ? books.sealed : [...books.sealed, books.live];
    // If the sums of a batch are missing in Redis, what the ledger has of it counts.
    const exceptBatchIds = held
      .filter(({ rowCount }) => rowCount > 0)
      .map((batch) => batch.batchId);
    const flushed = await sumFlushedPulses(pool, { shard, exceptBatchIds });
    if (noBatchBorn(books, await accumulator.readBooks(shard))) return balance(books, flushed);
  }
  throw new TransientError(
    'PULSE_TIMEOUT',
    `Shard ${shard} was flushed too often to balance its books. Try again.`,
  );
}

function noBatchBorn(before: ShardBooks, after: ShardBooks): boolean {
  if (before.live?.batchId !== after.live?.batchId) return false;
  // If there was no live batch, any counted pulse would have opened one.
  return before.live !== null || before.counted === after.counted;
}

function balance(
  { shard, appended, counted, duplicates, ...held }: ShardBooks,
  flushed: bigint,
): ShardBalance {
  const journalled = journalledPulses(held);
  const sealed = held.sealed.reduce((sum, { pulseCount }) => sum + pulseCount, 0n);
  const live = held.live?.pulseCount ?? 0n;
  const drift = counted - (flushed + sealed + live);
  const journalDrift = appended - (counted + duplicates + journalled);
  const decided = { counted, flushed, sealed, live, duplicates };
  return { shard, appended, journalled, ...decided, drift, journalDrift };
}

/** What the books say is in the journal; if there is no journal, it is in vain. */
function journalledPulses({
  journalled,
  journalSinceMs,
}: Pick<ShardBooks, 'journalled' | 'journalSinceMs'>): bigint {
  return journalSinceMs === null ? 0n : journalled;
}
