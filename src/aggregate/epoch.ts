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
import type { RedisClient } from '../platform/redis.ts';
import type { Accumulator } from './accumulator.ts';
import { shardKeys } from './keys.ts';

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
    const { live, sealed } = await accumulator.readBooks(shard);
    const held = live === null ? sealed : [...sealed, live];
    const flushed = await options.flushedPulses(
      shard,
      held.map(({ batchId }) => batchId),
    );
    const counted = held.reduce((sum, { pulseCount }) => sum + pulseCount, flushed);
    await redis.hset(shardKeys(shard).books, { epoch, counted: String(counted) });
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

async function assertRedisHolds({ redis, accumulator }: EpochDeps, epoch: string): Promise<void> {
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const held = await redis.hget(shardKeys(shard).books, 'epoch');
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

/** If Postgres has no epoch, but sums of this Redis have been flushed, this is not a first start. */
async function assertNothingFlushed({ accumulator }: EpochDeps): Promise<void> {
  for (let shard = 0; shard < accumulator.shards; shard++) {
    const { counted, live, sealed } = await accumulator.readBooks(shard);
    const held = sealed.reduce((sum, batch) => sum + batch.pulseCount, live?.pulseCount ?? 0n);
    if (counted === held) continue;
    throw new FatalError(
      'PULSE_REDIS_EPOCH',
      `This Redis belongs to another database: shard ${shard} has counted ${counted} pulses and flushed ` +
        `${counted - held} of them elsewhere. Check DATABASE_URL, or give Pulse an empty Redis.`,
    );
  }
}
