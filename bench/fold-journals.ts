/** Aggregators in this process, for the bench and for tests. */
import { Cluster } from 'ioredis';
import { pino } from 'pino';
import { aggregateShard, type AggregatorOptions } from '../src/aggregate/aggregator.ts';
import { createJournal } from '../src/aggregate/journal.ts';
import { shardKeys } from '../src/aggregate/keys.ts';
import { loadSeenIds, type SeenIdsOptions } from '../src/aggregate/seen-ids.ts';
import { sleep } from '../src/platform/backoff.ts';
import type { RedisClient } from '../src/platform/redis.ts';

export interface FoldOptions
  extends
    Partial<Pick<SeenIdsOptions, 'windowSeconds' | 'generationIdsMax'>>,
    Pick<AggregatorOptions, 'onStep'> {
  readonly shard: number;
}

/** Folds the journal of one shard as a worker does, on a connection of its own, until `signal` is aborted. */
export async function foldShard(
  redis: RedisClient,
  { shard, windowSeconds = 3_600, generationIdsMax, onStep }: FoldOptions,
  signal: AbortSignal,
): Promise<void> {
  const own = redis instanceof Cluster ? redis.duplicate() : redis.duplicate();
  // Calls fail with it; without a listener the client prints it too.
  own.on('error', () => undefined);
  // Otherwise the aggregator's first request fails, and it waits before the next.
  await own.connect().catch(() => undefined);
  const ids = {
    redis: own,
    shard,
    windowSeconds,
    ...(generationIdsMax === undefined ? {} : { generationIdsMax }),
  };
  try {
    await aggregateShard(
      {
        shard,
        journal: createJournal(own),
        loadSeenIds: (state, leaseToken) => loadSeenIds({ ...ids, state, leaseToken }),
        logger: pino({ level: 'silent' }),
        ...(onStep === undefined ? {} : { onStep }),
      },
      signal,
    );
  } finally {
    own.disconnect();
  }
}

/** Returns when everything that was appended before is committed. Where a worker has the lease, it folds. */
export async function foldJournals(redis: RedisClient, shards: number): Promise<void> {
  const foldOne = async (shard: number): Promise<void> => {
    const { journal, lease } = shardKeys(shard);
    while ((await redis.xlen(journal)) > 0) {
      if ((await redis.exists(lease)) > 0) {
        await sleep(10);
        continue;
      }
      // A stop folds and commits the rest without waiting for more.
      const stopping = new AbortController();
      const onStep = (): void => {
        stopping.abort();
      };
      await foldShard(redis, { shard, onStep }, stopping.signal);
    }
  };
  await Promise.all(Array.from({ length: shards }, (_, shard) => foldOne(shard)));
}
