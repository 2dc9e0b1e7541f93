/** Reads all sums of a sealed batch. */
import type { RedisClient } from '../platform/redis.ts';
import { classify } from './shard-calls.ts';
import { SUM_BUCKETS } from './sum-field.ts';

/** Elements in one HSCAN step: enough to be cheap, few enough not to block Redis. */
const SCAN_COUNT = 2_000;

/** Field, value, field, value ... of all buckets of a header. */
export async function* scanBuckets(redis: RedisClient, header: string): AsyncGenerator<string[]> {
  const scan = (bucket: number, cursor: string): Promise<[string, string[]]> => {
    const step = redis
      .hscan(`${header}:${bucket}`, cursor, 'COUNT', SCAN_COUNT)
      .catch(async (error: unknown) => {
        throw await classify(redis, error);
      });
    // If the reader stops early, nothing awaits this step.
    step.catch(() => undefined);
    return step;
  };
  let bucket = 0;
  let step = scan(bucket, '0');
  for (;;) {
    const [cursor, elements] = await step;
    if (cursor === '0') bucket += 1;
    // Before the sums are used, so that Redis finds the next ones at the same time.
    if (bucket < SUM_BUCKETS) step = scan(bucket, cursor);
    yield elements;
    if (bucket === SUM_BUCKETS) return;
  }
}
