/** The worker: ingest threads, the flush schedule and the quarantine writer, wired together. */
import type { Registry } from 'prom-client';
import { ensureEpoch } from '../aggregate/epoch.ts';
import { assertRedisIsSafe, checkRedisDurability } from '../aggregate/redis-durability.ts';
import type { Settings } from '../aggregate/settings.ts';
import { flushAll, type FlushDeps, type FlushReport } from '../flush/flush.ts';
import { createFlushMetrics } from '../flush/flush-metrics.ts';
import { createFlushTracing } from '../flush/trace-flush.ts';
import { isFlushOverdue } from '../flush/overdue.ts';
import { startFlushSchedule } from '../flush/schedule.ts';
import { createIngestMetrics } from '../ingest/ingest-metrics.ts';
import { startPauseWatch } from '../ingest/pause-watch.ts';
import { startIngestPool, type IngestPool } from '../ingest/pool.ts';
import { armCrashPoint } from '../platform/crash-points.ts';
import type { ProcessHealth } from '../platform/health.ts';
import { readPauseState } from '../ingest/pauses-query.ts';
import type { RedisClient } from '../platform/redis.ts';
import type { Tracing } from '../platform/tracing.ts';
import { startQuarantineWriter } from '../quarantine/writer.ts';
import type { Clients } from '../cli/clients.ts';
import type { CommandRun } from '../cli/command.ts';
import { serverChecks, toCheck } from '../cli/server-checks.ts';
import { flushCrashPoint } from './flush.ts';

/** Of the time left for a stop; the rest is for a last flush and for closing connections. */
const INGEST_CLOSE_SHARE = 0.6;

export interface WorkerParts {
  readonly ingest: IngestPool;
  readonly flush: () => Promise<FlushReport>;
}

/**
 * Starts the worker's parts; they are closed with the run: ingest drains first, then the last flush if
 * FLUSH_ON_EXIT asks for it, then the schedule and the quarantine writer.
 *
 * @throws FatalError PULSE_REDIS_UNSAFE, PULSE_REDIS_EPOCH when this Redis cannot be counted with.
 * @param options.onFatal Called when the state is in doubt and the process must stop.
 */
export async function startWorkerParts(
  run: CommandRun,
  { servers, redis, pool, accumulator }: Clients,
  options: {
    settings: Settings;
    registry: Registry;
    health: Pick<ProcessHealth, 'add'>;
    tracing: Tracing | undefined;
    onFatal: (error: Error) => void;
  },
): Promise<WorkerParts> {
  const { config, logger, closer } = run;
  const { registry, onFatal } = options;
  await guardRedis(run, redis);
  const epoch = await ensureEpoch({ redis, pool, accumulator });
  const { flush, onTraced } = createFlush(run, { accumulator, pool, ...options });

  const writer = startQuarantineWriter({
    url: servers.rabbitmqUrl,
    queue: config.queue,
    pool,
    logger,
  });
  closer.add('quarantine writer', () => writer.close());

  const { cron } = config.flush;
  const isOverdue = () => isFlushOverdue({ accumulator, cron, nowMs: Date.now() });
  const schedule = startFlushSchedule({ cron, flush, isOverdue, logger });
  closer.add('flush schedule', () => schedule.close());
  if (config.flush.onExit) closer.add('last flush', () => flush().then(() => undefined));

  const { paused } = await readPauseState(pool);
  const ingest = startIngestPool({
    threads: config.ingest.threads,
    paused,
    task: {
      servers,
      queue: config.queue,
      shards: config.shards,
      redisReplicasMin: config.redisReplicasMin,
      ingest: config.ingest,
      dedupeSecret: options.settings.dedupeSecret,
      epoch,
      allowUnsafeRedis: config.allowUnsafeRedis,
      log: run.log.options,
      tracing: config.tracing,
      crashAt: armCrashPoint(config.crashAt),
    },
    logger,
    onCounts: (counts) => {
      metrics.record(counts);
    },
    onTraced,
    onFatal,
  });
  run.log.onChange(ingest.setLogLevel);
  const metrics = createIngestMetrics(registry, () => ingest);
  closer.add('ingest', (withinMs) => ingest.close(withinMs), INGEST_CLOSE_SHARE);
  const watch = startPauseWatch({
    ...{ ingest, paused, logger, registry },
    read: () => readPauseState(pool),
  });
  closer.add('pause watch', () => watch.close());
  options.health.add([
    toCheck('rabbitmq', () => writer.state !== 'waiting' && writer.state !== 'closed'),
    ...serverChecks({ redis, pool }),
    toCheck('ingest', () => ingest.states.some((state) => state !== 'waiting')),
  ]);
  return { ingest, flush };
}

/** The flush of this process, measured, and traced if traces are on. */
function createFlush(
  run: CommandRun,
  options: Pick<FlushDeps, 'accumulator' | 'pool'> & {
    registry: Registry;
    tracing: Tracing | undefined;
  },
) {
  const { accumulator, pool, tracing } = options;
  const metrics = createFlushMetrics(options.registry);
  const { onStep: crash } = flushCrashPoint(run);
  const onStep: FlushDeps['onStep'] = (step, batch) => {
    metrics.step(step, batch);
    return crash?.(step, batch);
  };
  const deps: FlushDeps = { accumulator, pool, logger: run.logger, onStep };
  const traced = tracing === undefined ? undefined : createFlushTracing(tracing);
  const flushNow = (): Promise<FlushReport> =>
    traced === undefined
      ? flushAll(deps)
      : traced.aroundFlush(() => flushAll({ ...deps, aroundBatch: traced.aroundBatch }));
  const flush = async (): Promise<FlushReport> => {
    try {
      const report = await flushNow();
      metrics.succeeded(report);
      return report;
    } catch (error) {
      metrics.failed();
      throw error;
    }
  };
  return { flush, onTraced: traced?.applied };
}

/** Refuses a Redis that may lose what it acknowledges, or says loudly that it was told not to. */
async function guardRedis({ config, logger }: CommandRun, redis: RedisClient): Promise<void> {
  if (!config.allowUnsafeRedis) {
    await assertRedisIsSafe(redis);
    return;
  }
  const findings = await checkRedisDurability(redis);
  const dangers = findings.filter(({ status }) => status === 'danger');
  logger.warn(
    { variable: 'ALLOW_UNSAFE_REDIS', dangers },
    'counting with a redis that may lose what it has acknowledged',
  );
}
