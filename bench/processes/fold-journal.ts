/** Folds the journal of shard 0, as the aggregator of a worker does. */
import { aggregateShard } from '../../src/aggregate/aggregator.ts';
import { createJournal } from '../../src/aggregate/journal.ts';
import { loadSeenIds } from '../../src/aggregate/seen-ids.ts';
import { createLogger } from '../../src/platform/logger.ts';
import { createRedis, waitForRedis } from '../../src/platform/redis.ts';
import { answerParent } from './answer-parent.ts';

export type FoldJournalOrder =
  | { readonly kind: 'start'; readonly redisUrl: string; readonly windowSeconds: number }
  /** Commits what is folded. @returns Counted and duplicates. */
  | { readonly kind: 'stop' };

const stopping = new AbortController();
const totals = { counted: 0, duplicates: 0 };
let running: Promise<void> | undefined;

answerParent<FoldJournalOrder>(async (order) => {
  if (order.kind === 'start') {
    running = start(order);
    return null;
  }
  stopping.abort();
  await running;
  return totals;
});

async function start({
  redisUrl,
  windowSeconds,
}: Extract<FoldJournalOrder, { kind: 'start' }>): Promise<void> {
  const logger = createLogger({ level: 'warn', pretty: false, secrets: [] });
  const redis = createRedis(redisUrl, { name: 'bench fold', logger });
  await waitForRedis(redis, { url: redisUrl, timeoutMs: 10_000, logger });
  await aggregateShard(
    {
      shard: 0,
      journal: createJournal(redis),
      loadSeenIds: (state, leaseToken) =>
        loadSeenIds({ redis, shard: 0, windowSeconds, state, leaseToken }),
      logger,
      onCounts: ({ counted, duplicates }) => {
        totals.counted += counted;
        totals.duplicates += duplicates;
      },
    },
    stopping.signal,
  );
  redis.disconnect();
}
