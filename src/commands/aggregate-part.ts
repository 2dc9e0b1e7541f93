/** The aggregator of a worker: a thread that folds the journals of the shards whose leases it gets. */
import { createAggregateMetrics, startAggregators } from '../aggregate/aggregator-pool.ts';
import type { Part } from '../cli/part.ts';
import { armCrashPoint } from '../platform/crash-points.ts';

/** Of the time left for a stop; the rest is for a last flush and for closing connections. */
const CLOSE_SHARE = 0.5;

export const aggregatePart: Part = {
  name: 'aggregator',
  start(run, { servers }) {
    const { config, logger, closer, registry } = run;
    if (!config.runs.ingest) return;
    const metrics = createAggregateMetrics(registry);
    const aggregators = startAggregators({
      task: {
        redisUrl: servers.redisUrl,
        shards: config.shards,
        dedupeWindowSeconds: config.ingest.dedupeWindowSeconds,
        log: run.log.options,
        crashAt: armCrashPoint(config.crashAt),
      },
      logger,
      onCounts: metrics.record,
      onFatal: run.onFatal,
    });
    run.log.onChange(aggregators.setLogLevel);
    closer.add('aggregator', (withinMs) => aggregators.close(withinMs), CLOSE_SHARE);
  },
};
