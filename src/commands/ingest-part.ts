/** The ingest threads of a worker, and the watch that pauses them. */
import { ensureEpoch } from '../aggregate/epoch.ts';
import { openAccumulator } from '../cli/clients.ts';
import type { Part, PartRun } from '../cli/part.ts';
import { serverChecks, toCheck } from '../cli/server-checks.ts';
import { createIngestMetrics } from '../ingest/ingest-metrics.ts';
import { startPauseWatch } from '../ingest/pause-watch.ts';
import { readPauseState } from '../ingest/pauses-query.ts';
import { startIngestPool } from '../ingest/pool.ts';
import type { OldestHeld } from '../ingest/queue-metrics.ts';
import type { HeldDeliveries } from '../ingest/thread-messages.ts';
import { armCrashPoint } from '../platform/crash-points.ts';
import type { RedisClient } from '../platform/redis.ts';
import { startAdmission } from './admission-part.ts';

/** Of the time left for a stop; the rest is for a last flush and for closing connections. */
const CLOSE_SHARE = 0.6;

const FULL =
  'RabbitMQ takes no dead letters, and an ingest thread holds as many refused pulses as it may: it consumes nothing.';

export const ingestPart: Part = {
  name: 'ingest',
  async start(run, clients) {
    const { config, logger, closer, registry, links } = run;
    if (!config.runs.ingest) return;
    const { servers, redis, pool } = clients;
    const epoch = await ensureEpoch(clients);
    const { paused } = await readPauseState(pool);
    const admission = await startAdmission(run, clients);
    const ingest = startIngestPool({
      threads: config.ingest.threads,
      paused,
      task: {
        servers,
        queue: config.queue,
        shards: config.shards,
        redisReplicasMin: config.redisReplicasMin,
        journalBytesMax: config.journalBytesMax,
        ingest: config.ingest,
        dedupeSecret: run.settings.dedupeSecret,
        epoch,
        allowUnsafeRedis: config.allowUnsafeRedis,
        log: run.log.options,
        tracing: config.tracing,
        crashAt: armCrashPoint(config.crashAt),
      },
      admission: admission.watch,
      logger,
      onCounts: (counts) => {
        metrics.record(counts);
        admission.record(counts);
      },
      onTraced: links.onTraced,
      onFatal: run.onFatal,
    });
    const metrics = createIngestMetrics(registry, () => ingest);
    admission.watch.follow(ingest);
    run.log.onChange(ingest.setLogLevel);
    closer.add('ingest', (withinMs) => ingest.close(withinMs), CLOSE_SHARE);
    links.oldestHeld = () => oldestOf(ingest.held);
    run.health.add([
      ...serverChecks({ redis, pool, probe: openProbe(run, redis, epoch) }),
      toCheck('ingest', () => ingest.states.some((state) => state !== 'waiting')),
      {
        name: 'dead letters',
        check: () =>
          ingest.states.includes('full') ? Promise.reject(new Error(FULL)) : Promise.resolve(),
      },
    ]);
    const read = () => readPauseState(pool);
    const watch = startPauseWatch({ ingest, paused, read, logger, registry });
    closer.add('pause watch', () => watch.close());
  },
};

/** Asks Redis for what ingest needs: a write of the current epoch in every shard. It counts nothing. */
function openProbe(run: PartRun, redis: RedisClient, epoch: string): () => Promise<void> {
  const { shards, probe } = openAccumulator(run, redis, epoch);
  return async () => {
    await Promise.all(Array.from({ length: shards }, (_, shard) => probe(shard)));
  };
}

function oldestOf(held: readonly HeldDeliveries[]): OldestHeld | undefined {
  const ages = held.flatMap(({ oldestSentAtMs, oldestReceivedAtMs }) =>
    oldestSentAtMs === null || oldestReceivedAtMs === null
      ? []
      : [{ sentAtMs: oldestSentAtMs, receivedAtMs: oldestReceivedAtMs }],
  );
  return ages.sort((one, other) => one.sentAtMs - other.sentAtMs)[0];
}
