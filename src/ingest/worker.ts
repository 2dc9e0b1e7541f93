/**
 * The root of an ingest thread: wires one consumer, one Redis connection and one publisher for dead letters, and runs
 * until the main thread drains it.
 */
import { createAccumulator } from '../aggregate/accumulator.ts';
import { assertRedisIsSafe } from '../aggregate/redis-durability.ts';
import { PulseError } from '../core/errors.ts';
import { createCrashPoint } from '../platform/crash-points.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import { createRedis } from '../platform/redis.ts';
import { topologyNames } from '../platform/topology.ts';
import { NO_TRACING, startTracing, type Tracing } from '../platform/tracing.ts';
import { createPublisher } from '../publish/publisher.ts';
import { createThreadAdmission, NO_ADMISSION } from './admission.ts';
import {
  startConsumer,
  type Consumer,
  type ConsumerDeps,
  type ConsumerOptions,
} from './consumer.ts';
import {
  addCounts,
  noCounts,
  NOTHING_HELD,
  type IngestCounts,
  type IngestTask,
  type ThreadCommand,
  type ThreadEnd,
  type ThreadNotice,
} from './thread-messages.ts';
import { traceAppend, traceBatches } from './trace-batches.ts';

/** How long a batch is retried; far below RabbitMQ's acknowledgement timeout of 30 minutes. */
const RETRY_FOR_MS = 30_000;
const NOTICE_INTERVAL_MS = 250;
const DEAD_LETTERS_OUTSTANDING = 1_000;

/**
 * Resolves after a drain, or when the state is in doubt and the process must stop. Transient errors are retried inside.
 */
export async function runIngestThread(task: IngestTask): Promise<ThreadEnd> {
  const { port } = task;
  const logger = createLogger(task.log);
  const reporter = startReporting((notice) => {
    port.postMessage(notice);
  });
  const tracing =
    task.tracing === undefined ? NO_TRACING : await startTracing(task.tracing, logger);
  const { deps, close } = openDependencies(task, logger, tracing);
  const admission = createThreadAdmission(
    { mode: task.ingest.admission, rows: task.admissionRows },
    (ticket) => {
      port.postMessage({ kind: 'admission wanted', ticket } satisfies ThreadNotice);
    },
  );
  const onStep = createCrashPoint(task.crashAt, ['ingest', 'thread']);
  try {
    return await new Promise<ThreadEnd>((resolve, reject) => {
      const consumer = startConsumer(consumerOptions(task), {
        ...deps,
        admission: task.ingest.admission === 'off' ? NO_ADMISSION : admission,
        logger,
        retryForMs: RETRY_FOR_MS,
        onStep,
        aroundBatch: traceBatches(tracing, { queue: task.queue, onTraced: reporter.addTraced }),
        onCounts: reporter.add,
        onState: (state) => {
          port.postMessage({ kind: 'state', state });
        },
        onFatal: (error) => {
          if (!(error instanceof PulseError)) reject(error);
          else resolve({ kind: 'fatal', code: error.code, message: error.message });
        },
      });
      reporter.readHeldFrom(consumer);
      port.on('message', (command: ThreadCommand) => {
        switch (command.kind) {
          case 'log level':
            logger.level = command.level;
            break;
          case 'admission':
            admission.apply(command.rows);
            break;
          case 'admission read':
            admission.answer(command.ticket, command.isFresh);
            break;
          case 'pause':
          case 'resume':
            consumer[command.kind]();
            break;
          case 'drain':
            consumer.drain(command.withinMs).then(() => {
              resolve({ kind: 'drained' });
            }, reject);
        }
      });
    });
  } finally {
    reporter.close();
    await close();
    await tracing.close();
    port.close();
  }
}

function openDependencies(task: IngestTask, logger: Logger, tracing: Tracing) {
  const { servers } = task;
  const redis = createRedis(servers.redisUrl, { name: 'pulse ingest', logger });
  const accumulator = createAccumulator({
    redis,
    shards: task.shards,
    replicasMin: task.redisReplicasMin,
    epoch: task.epoch,
    journalBytesMax: task.journalBytesMax,
  });
  const publisher = createPublisher({
    url: servers.rabbitmqUrl,
    logger,
    name: 'pulse ingest dead letters',
    maxOutstanding: DEAD_LETTERS_OUTSTANDING,
  });
  const deps: Pick<ConsumerDeps, 'accumulator' | 'publishDeadLetter' | 'deadExchange' | 'probe'> = {
    accumulator: { append: traceAppend(accumulator.append, tracing) },
    publishDeadLetter: (publication) => publisher.publish(publication),
    deadExchange: topologyNames(task.queue).deadExchange,
    async probe() {
      if (!task.allowUnsafeRedis) await assertRedisIsSafe(redis);
      for (let shard = 0; shard < task.shards; shard++) await accumulator.probe(shard);
    },
  };
  return {
    deps,
    close: async (): Promise<void> => {
      await publisher.close();
      redis.disconnect();
    },
  };
}

function consumerOptions(task: IngestTask) {
  const { servers, queue, ingest, shards, dedupeSecret, paused } = task;
  const { prefetch, batchSize, batchLingerMs, deliveryFilter } = ingest;
  return {
    rabbitmqUrl: servers.rabbitmqUrl,
    deliveryFilter,
    queue,
    prefetch,
    batchLingerMs,
    paused,
    batch: { batchSize, shards, dedupeSecret, limits: ingest },
  } satisfies ConsumerOptions;
}

/** Reports to the main thread, a few times a second, what was counted and what is held. */
function startReporting(notify: (notice: ThreadNotice) => void) {
  let counts = noCounts();
  let traceparents: string[] = [];
  let consumer: Pick<Consumer, 'held'> = { held: NOTHING_HELD };
  let utilization = performance.eventLoopUtilization();
  const report = (): void => {
    if (traceparents.length > 0) notify({ kind: 'traced', traceparents });
    traceparents = [];
    const now = performance.eventLoopUtilization();
    counts.busySeconds = performance.eventLoopUtilization(now, utilization).active / 1000;
    utilization = now;
    notify({ kind: 'report', counts, held: consumer.held });
    counts = noCounts();
  };
  const timer = setInterval(report, NOTICE_INTERVAL_MS);
  return {
    add: (more: IngestCounts): void => {
      addCounts(counts, more);
    },
    readHeldFrom(source: Pick<Consumer, 'held'>): void {
      consumer = source;
    },
    addTraced: (traceparent: string): void => {
      traceparents.push(traceparent);
    },
    close(): void {
      clearInterval(timer);
      report();
    },
  };
}
