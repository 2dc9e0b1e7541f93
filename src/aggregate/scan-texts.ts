/** Reads all sums of a batch, bucket by bucket. A sum may come twice while Redis rehashes a hash. */
import type { RedisClient } from '../platform/redis.ts';
import { LIBRARY_VERSION } from './library.ts';
import { classify } from './shard-calls.ts';
import { SUM_BUCKETS } from './sum-field.ts';

/** Elements in one HSCAN step: enough to be cheap, few enough not to block Redis. */
const SCAN_COUNT = 2_000;

/** Yields texts of whole sums, see sum-field.ts. @param header The key of the batch. */
export async function* scanTexts(redis: RedisClient, header: string): AsyncGenerator<Buffer> {
  const scan = (bucket: number, cursor: string): Promise<[Buffer, Buffer]> => {
    const step = redis
      .callBuffer(
        'fcall',
        'pulse_texts',
        1,
        `${header}:${bucket}`,
        LIBRARY_VERSION,
        cursor,
        SCAN_COUNT,
      )
      .then((reply) => reply as [Buffer, Buffer])
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
    const [next, texts] = await step;
    const cursor = next.toString('latin1');
    if (cursor === '0') bucket += 1;
    // Before the sums are used, so that Redis finds the next ones at the same time.
    if (bucket < SUM_BUCKETS) step = scan(bucket, cursor);
    yield texts;
    if (bucket === SUM_BUCKETS) return;
  }
}
