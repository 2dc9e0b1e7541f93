/**
 * The root of an ingest thread: wires one consumer, one Redis connection and one publisher of dead
 * letters, and runs until it is told to drain.
 */
import { createAccumulator } from '../aggregate/accumulator.ts';
import { PulseError } from '../core/errors.ts';
import { createCrashPoint } from '../platform/crash-points.ts';
import { createLogger, type Logger } from '../platform/logger.ts';
import { createRedis } from '../platform/redis.ts';
import { assertRedisIsSafe } from '../platform/redis-durability.ts';
import { topologyNames } from '../platform/topology.ts';
import { createPublisher } from '../publish/publisher.ts';
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
  type ThreadEnd,
  type ThreadNotice,
} from './thread-messages.ts';

/** How long a batch is retried on the spot; well below RabbitMQ's acknowledgement timeout of 30 minutes. */
const RETRY_FOR_MS = 30_000;
const NOTICE_INTERVAL_MS = 250;
const DEAD_LETTERS_OUTSTANDING = 1_000;

/**
 * The task of a thread. Resolves after a drain, or when the state is in doubt and the process must
 * stop. Everything that passes by itself is retried inside.
 */
export async function runIngestThread(task: IngestTask): Promise<ThreadEnd> {
  const { port } = task;
  const logger = createLogger({ level: task.logLevel, pretty: task.prettyLogs });
  const reporter = startReporting((notice) => {
    port.postMessage(notice);
  });
  const { deps, close } = openDependencies(task, logger);
  const onStep = createCrashPoint(task.crashAt, ['ingest', 'thread']);
  try {
    return await new Promise<ThreadEnd>((resolve, reject) => {
      const consumer = startConsumer(consumerOptions(task), {
        ...deps,
        logger,
        retryForMs: RETRY_FOR_MS,
        ...(onStep === undefined ? {} : { onStep }),
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
      // The only command is to drain.
      port.on('message', () => {
        consumer.drain(task.stopTimeoutMs).then(() => {
          resolve({ kind: 'drained' });
        }, reject);
      });
    });
  } finally {
    reporter.close();
    await close();
    port.close();
  }
}

function openDependencies(task: IngestTask, logger: Logger) {
  const { servers, ingest } = task;
  const redis = createRedis(servers.redisUrl, { name: 'pulse ingest', logger });
  const accumulator = createAccumulator({
    redis,
    shards: task.shards,
    dedupeWindowSeconds: ingest.dedupeWindowSeconds,
    replicasMin: task.redisReplicasMin,
    epoch: task.epoch,
  });
  const publisher = createPublisher({
    url: servers.rabbitmqUrl,
    logger,
    name: 'pulse ingest dead letters',
    maxOutstanding: DEAD_LETTERS_OUTSTANDING,
  });
  const deps: Pick<ConsumerDeps, 'accumulator' | 'publishDeadLetter' | 'deadExchange' | 'probe'> = {
    accumulator,
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

function consumerOptions({ servers, queue, ingest, shards, dedupeSecret }: IngestTask) {
  const { prefetch, batchSize, batchLingerMs } = ingest;
  return {
    rabbitmqUrl: servers.rabbitmqUrl,
    queue,
    prefetch,
    batchLingerMs,
    batch: { batchSize, shards, dedupeSecret, limits: ingest },
  } satisfies ConsumerOptions;
}

/** Tells the main thread what was counted, and what is held, a few times a second. */
function startReporting(notify: (notice: ThreadNotice) => void) {
  let counts = noCounts();
  let consumer: Pick<Consumer, 'held'> = { held: NOTHING_HELD };
  let utilization = performance.eventLoopUtilization();
  const report = (): void => {
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
    close(): void {
      clearInterval(timer);
      report();
    },
  };
}
