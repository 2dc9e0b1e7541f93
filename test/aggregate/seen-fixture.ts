/** Random ids, and an aggregator reduced to what concerns the ids that it remembers. */
import { ID_BYTES } from '../../src/aggregate/id-fingerprint.ts';
import { generationKeys, shardKeys } from '../../src/aggregate/keys.ts';
import type { RedisTime } from '../../src/aggregate/redis-clock.ts';
import { loadSeenIds, type SeenIds } from '../../src/aggregate/seen-ids.ts';
import type { RedisClient } from '../../src/platform/redis.ts';
import { createRandom } from '../../src/populate/random.ts';

export const SHARD = 3;
export const WINDOW_SEC = 6_000;
export const LEASE_TOKEN = 'this aggregator';

/** Packed ids; the same seed gives the same ones. */
export function randomIds(count: number, seed: number): Buffer {
  const random = createRandom(seed);
  const ids = Buffer.alloc(count * ID_BYTES);
  for (let at = 0; at < ids.length; at += 2) ids.writeUInt16BE(random.below(2 ** 16), at);
  return ids;
}

export function idAt(ids: Buffer, index: number): Buffer {
  return ids.subarray(index * ID_BYTES, (index + 1) * ID_BYTES);
}

export interface TestAggregator {
  readonly seen: SeenIds;
  /** Remembers ids as the fold does; the indexes of those that were new. Not committed. */
  take(ids: Buffer): Promise<number[]>;
  commit(): Promise<void>;
  /** Turns at this time, and commits if that changed anything. */
  turn(nowSec: number): Promise<void>;
  /** All housekeeping, with the commits between its steps. */
  tidyAll(): Promise<void>;
}

/** A time of a clock that runs evenly. */
export function steady(sec: number): RedisTime {
  return { sec, isSteady: true };
}

/** Takes over the shard: loads what the last commit of any aggregator has stored. */
export async function takeOver(
  redis: RedisClient,
  options: { generationIdsMax?: number; leaseToken?: string } = {},
): Promise<TestAggregator> {
  const { books, lease } = shardKeys(SHARD);
  const { leaseToken = LEASE_TOKEN, generationIdsMax } = options;
  await redis.set(lease, leaseToken);
  const seen = await loadSeenIds({
    redis,
    shard: SHARD,
    leaseToken,
    windowSeconds: WINDOW_SEC,
    state: await redis.hget(books, 'seen'),
    ...(generationIdsMax === undefined ? {} : { generationIdsMax }),
  });

  const commit = async (): Promise<void> => {
    const { generation, chunk } = seen.added;
    const { state } = seen;
    const transaction = redis.multi().hset(books, 'seen', state);
    if (chunk.length > 0) transaction.rpush(generationKeys(SHARD, generation).chunks, chunk);
    await transaction.exec();
    seen.stored(state);
  };

  return {
    seen,
    commit,
    async take(ids) {
      const suspects = seen.suspects(ids);
      const held = suspects ? await seen.settle(suspects) : new Set<number>();
      const indexes = Array.from({ length: ids.length / ID_BYTES }, (_, index) => index);
      return indexes.filter((index) => !held.has(index) && seen.add(ids, index * ID_BYTES));
    },
    async turn(nowSec) {
      if (seen.turn(steady(nowSec))) await commit();
    },
    async tidyAll() {
      do {
        while (await seen.tidy());
        if (seen.hasChanged) await commit();
      } while (await seen.tidy());
    },
  };
}
