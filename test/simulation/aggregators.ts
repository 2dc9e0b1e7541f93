/** The aggregators of one worker, as aggregator-thread.ts runs them: one for each shard. */
import { aggregateShard } from '../../src/aggregate/aggregator.ts';
import { loadSeenIds } from '../../src/aggregate/seen-ids.ts';
import type { Logger } from '../../src/platform/logger.ts';
import type { RedisModel } from './redis-model.ts';
import type { SimProcess } from './world.ts';

export interface Aggregators {
  readonly stop: () => void;
  readonly ended: Promise<unknown>;
}

/** Longer than any run, so that no id is forgotten. */
const DEDUPE_WINDOW_SECONDS = 30 * 86_400;

export function startAggregators(
  model: RedisModel,
  process: SimProcess,
  { generationIdsMax, logger }: { generationIdsMax: number; logger: Logger },
): Aggregators {
  const stopping = new AbortController();
  const redis = model.idsOf(process);
  const runShard = (shard: number): Promise<void> =>
    aggregateShard(
      {
        shard,
        journal: model.journalOf(process),
        loadSeenIds: (state, leaseToken) =>
          loadSeenIds({
            redis,
            shard,
            windowSeconds: DEDUPE_WINDOW_SECONDS,
            generationIdsMax,
            state,
            leaseToken,
          }),
        logger,
      },
      stopping.signal,
    );
  const ended = Promise.all(model.shards.map(({ shard }) => runShard(shard)));
  ended.catch((error: unknown) => {
    process.world.fail(error);
  });
  return {
    stop: () => {
      stopping.abort();
    },
    ended,
  };
}
