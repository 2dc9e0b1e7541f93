/**
 * The epoch: an id that both Redis and Postgres hold, to detect a Redis that has lost its data.
 *
 * Every apply sends it, and the function refuses a batch if the shard's books hold another epoch or none. Without it,
 * counting would continue in an emptied Redis: acknowledged pulses that were not flushed would be lost unnoticed, and
 * every id could be counted a second time.
 */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import { FatalError } from '../core/errors.ts';
import { beginEpoch, readEpoch } from './epochs-query.ts';
import { mastersOf, type RedisClient } from '../platform/redis.ts';
import type { Accumulator, ShardBooks } from './accumulator.ts';
import { shardKeys } from './keys.ts';
import { LIBRARY_VERSION, libraryVersionIn } from './library.ts';

export interface EpochDeps {
  readonly redis: RedisClient;
  readonly pool: Pick<Pool, 'query'>;
  readonly accumulator: Pick<Accumulator, 'shards' | 'readBooks'>;
}

/**
 * The epoch to count with. The first start of an installation begins one, in Redis first: a crash in between leaves a
 * Redis with an epoch and no history, which the next start adopts.
 *
 * @throws FatalError PULSE_REDIS_EPOCH when one of the two has lost its data; the message says what to do.
 */
export async function ensureEpoch(deps: EpochDeps): Promise<string> {
  const inPostgres = await readEpoch(deps.pool);
  if (inPostgres !== undefined) {
    await assertRedisHolds(deps, inPostgres);
    return inPostgres;
  }
  await assertNothingFlushed(deps);
  const epoch = await stampFirst(deps);
  await beginEpoch(deps.pool, { epoch, note: undefined });
  const begun = (await readEpoch(deps.pool)) ?? epoch;
  await assertRedisHolds(deps, begun);
  return begun;
}

/**
 * Refuses what ensureEpoch would refuse, and changes nothing: neither server needs to be prepared.
 *
 * @throws FatalError PULSE_REDIS_EPOCH
 */
export async function assertEpochFits(deps: EpochDeps): Promise<void> {
  const inPostgres = await readEpoch(deps.pool);
  if (inPostgres !== undefined) {
    await assertRedisHolds(deps, inPostgres);
    return;
  }
  const versions = await Promise.all(mastersOf(deps.redis).map(libraryVersionIn));
  // Without the functions nothing was ever counted. Asking the books would load them.
  if (versions.every((version) => version === LIBRARY_VERSION)) await assertNothingFlushed(deps);
}

/**
 * Whether books that were read from Redis belong to the epoch that Postgres had afterwards, so that together they have
 * everything that was counted. Pure.
 *
 * @param inPostgres Undefined before the first start: then nothing may have been flushed.
 */
export function areWhole(books: readonly ShardBooks[], inPostgres: string | undefined): boolean {
  return inPostgres === undefined
    ? books.every((shard) => pulsesGone(shard) === 0n)
    : books.every(({ epoch }) => epoch === inPostgres);
}

/** `none` before the first start. */
export type EpochVerdict = 'none' | 'same' | 'different';

/** What the two servers hold. Changes nothing. */
export async function compareEpochs(deps: EpochDeps): Promise<{
  readonly verdict: EpochVerdict;
  readonly inPostgres: string | undefined;
  /** Distinct. */
  readonly inRedis: readonly (string | null)[];
}> {
  const inPostgres = await readEpoch(deps.pool);
  const inRedis = [...new Set(await readHeldEpochs(deps))];
  return { verdict: judgeEpochs(inPostgres, inRedis), inPostgres, inRedis };
}

/** Pure. @param inRedis Distinct. */
export function judgeEpochs(
  inPostgres: string | undefined,
  inRedis: readonly (string | null)[],
): EpochVerdict {
  const isSame = inRedis.length === 1 && inRedis[0] === (inPostgres ?? null);
  if (!isSame) return 'different';
  return inPostgres === undefined ? 'none' : 'same';
}

/**
 * Accepts that Redis has lost its data: begins a new epoch, and sets each shard's counter to what Postgres has of it,
 * so that the books balance again. What was lost stays lost; `note` says why.
 *
 * @param flushedPulses What Postgres has of a shard, without the batches that Redis still holds.
 */
export async function beginNewEpoch(
  { redis, pool, accumulator }: EpochDeps,
  options: {
    note: string;
    flushedPulses: (shard: number, exceptBatchIds: readonly string[]) => Promise<bigint>;
  },
): Promise<string> {
  const epoch = randomUUID();
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const { live, sealed, ...books } = await accumulator.readBooks(shard);
    const journalled = books.journalSinceMs === null ? 0n : books.journalled;
    const held = live === null ? sealed : [...sealed, live];
    const flushed = await options.flushedPulses(
      shard,
      held.map(({ batchId }) => batchId),
    );
    const counted = held.reduce((sum, { pulseCount }) => sum + pulseCount, flushed);
    const appended = counted + books.duplicates + journalled;
    await redis.hset(shardKeys(shard).books, {
      epoch,
      counted: String(counted),
      appended: String(appended),
      journalled: String(journalled),
    });
  }
  await beginEpoch(pool, { epoch, note: options.note });
  return epoch;
}

async function stampFirst({ redis, accumulator }: EpochDeps): Promise<string> {
  const first = shardKeys(0).books;
  await redis.hsetnx(first, 'epoch', randomUUID());
  const epoch = (await redis.hget(first, 'epoch')) ?? '';
  for (let shard = 1; shard < accumulator.shards; shard++) {
    await redis.hsetnx(shardKeys(shard).books, 'epoch', epoch);
  }
  return epoch;
}

async function assertRedisHolds(deps: EpochDeps, epoch: string): Promise<void> {
  for (const [shard, held] of (await readHeldEpochs(deps)).entries()) {
    if (held === epoch) continue;
    throw new FatalError(
      'PULSE_REDIS_EPOCH',
      held === null
        ? `Redis has lost its data (or is another server): Postgres has epoch ${epoch}, shard ${shard} in ` +
            'Redis has none. Pulses that were counted and not flushed are lost, and ids are forgotten.\n' +
            'Restore the append-only file of Redis and start again. If that is not possible, accept the loss ' +
            "with `pulse recover --note 'what happened'`."
        : `Redis has epoch ${held} in shard ${shard}, Postgres has ${epoch}: they do not belong together. ` +
            'Check REDIS_URL and DATABASE_URL.',
    );
  }
}

/** The epoch in each shard's books; null where there is none. Needs no functions. */
export function readHeldEpochs({
  redis,
  accumulator,
}: Pick<EpochDeps, 'redis' | 'accumulator'>): Promise<(string | null)[]> {
  const shards = Array.from({ length: accumulator.shards }, (_, shard) => shard);
  return Promise.all(shards.map((shard) => redis.hget(shardKeys(shard).books, 'epoch')));
}

/** If Postgres has no epoch, but sums of this Redis have been flushed, this is not a first start. */
async function assertNothingFlushed({ accumulator }: EpochDeps): Promise<void> {
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const books = await accumulator.readBooks(shard);
    const gone = pulsesGone(books);
    if (gone === 0n) continue;
    throw new FatalError(
      'PULSE_REDIS_EPOCH',
      `This Redis belongs to another database: shard ${shard} has counted ${books.counted} pulses and flushed ` +
        `${gone} of them elsewhere. Check DATABASE_URL, or give Pulse an empty Redis.`,
    );
  }
}

/** The pulses that were counted and that Redis no longer holds. */
function pulsesGone({ counted, live, sealed }: ShardBooks): bigint {
  return counted - sealed.reduce((sum, batch) => sum + batch.pulseCount, live?.pulseCount ?? 0n);
}
