/** The way from a version without a journal, which kept sums and ids in other keys. */
import { FatalError } from '../core/errors.ts';
import { mastersOf, type RedisClient } from '../platform/redis.ts';
import { shardKeys } from './keys.ts';

const SCAN_COUNT = 1_000;

/**
 * Refuses a Redis with sums that only the version before can flush. Changes nothing.
 *
 * @throws FatalError PULSE_REDIS_UPGRADE
 */
export async function assertNoOldSums(redis: RedisClient, shards: number): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const { sealedIndex, sealedPrefix } = shardKeys(shard);
    const sealed = await redis.zrange(sealedIndex, '0', '-1');
    const isOld = async (batchId: string): Promise<boolean> => {
      const [batch, amount] = await redis.hmget(sealedPrefix + batchId, 'batch', 'amount');
      return batch != null && amount == null;
    };
    const old = (await redis.exists(`{${shard}}:live`)) + (await countIf(sealed, isOld));
    if (old === 0) continue;
    throw new FatalError(
      'PULSE_REDIS_UPGRADE',
      `Shard ${shard} in Redis has sums of a version without a journal, which this build cannot read. Stop all ` +
        'workers, run `pulse flush` with the version before, then start this one.',
    );
  }
}

/** Deletes the ids that the version before remembered, a few at a time. Its duplicates are no longer recognised. */
export async function forgetOldIds(redis: RedisClient, shards: number): Promise<void> {
  for (let shard = 0; shard < shards; shard++) {
    const { books } = shardKeys(shard);
    if ((await redis.hexists(books, 'generations')) === 0) continue;
    for (const node of mastersOf(redis)) {
      let cursor = '0';
      do {
        const match = ['MATCH', `{${shard}}:seen:*`, 'COUNT', SCAN_COUNT] as const;
        const [next, keys] = await node.scan(cursor, ...match);
        for (const key of keys) await node.unlink(key);
        cursor = next;
      } while (cursor !== '0');
    }
    await redis.hdel(books, 'generations');
  }
}

async function countIf<T>(all: readonly T[], test: (one: T) => Promise<boolean>): Promise<number> {
  const answers = await Promise.all(all.map(test));
  return answers.filter(Boolean).length;
}
