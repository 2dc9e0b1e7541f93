/** The root of an aggregator thread: folds the journals of all shards whose leases it gets, until told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import { createCrashPoint, type ArmedCrashPoint } from '../platform/crash-points.ts';
import { createLogger, type LoggerOptions, type LogLevel } from '../platform/logger.ts';
import { createRedis, type RedisClient } from '../platform/redis.ts';
import { aggregateShard } from './aggregator.ts';
import { createJournal } from './journal.ts';
import { loadSeenIds } from './seen-ids.ts';

export interface AggregatorTask {
  readonly redisUrl: string;
  readonly shards: number;
  readonly dedupeWindowSeconds: number;
  readonly log: LoggerOptions;
  /** Where a fault test stops the process. */
  readonly crashAt: ArmedCrashPoint | undefined;
}

export type AggregatorCommand =
  { readonly kind: 'stop' } | { readonly kind: 'log level'; readonly level: LogLevel };

export type AggregatorNotice =
  | { readonly kind: 'counts'; readonly counted: number; readonly duplicates: number }
  | { readonly kind: 'fatal'; readonly code: PulseError['code']; readonly message: string };

const CONNECT_BACKOFF = { baseMs: 20, capMs: 1_000 };

const task = workerData as AggregatorTask;
const logger = createLogger(task.log);
const stopping = new AbortController();
const notify = (notice: AggregatorNotice): void => {
  parentPort?.postMessage(notice);
};
parentPort?.on('message', (command: AggregatorCommand) => {
  if (command.kind === 'log level') logger.level = command.level;
  else stopping.abort();
});

/** A connection for each shard, because a wait for its journal blocks the connection. */
async function runShard(shard: number): Promise<void> {
  const redis = createRedis(task.redisUrl, { name: 'pulse aggregator', logger });
  const windowSeconds = task.dedupeWindowSeconds;
  try {
    await untilConnected(redis);
    await aggregateShard(
      {
        shard,
        journal: createJournal(redis),
        loadSeenIds: (state, leaseToken) =>
          loadSeenIds({ redis, shard, windowSeconds, state, leaseToken }),
        logger,
        onStep: createCrashPoint(task.crashAt, ['aggregate']),
        onCounts: (counts) => {
          notify({ kind: 'counts', ...counts });
        },
      },
      stopping.signal,
    );
  } finally {
    redis.disconnect();
  }
}

/** Its connection reports by itself that it fails; an aggregator that begins before it is open would as well. */
async function untilConnected(redis: RedisClient): Promise<void> {
  for (let attempt = 0; !stopping.signal.aborted; attempt++) {
    const isOpen = await redis.ping().then(
      () => true,
      () => false,
    );
    if (isOpen) return;
    await sleep(backoffDelayMs(attempt, CONNECT_BACKOFF), stopping.signal);
  }
}

try {
  await Promise.all(Array.from({ length: task.shards }, (_, shard) => runShard(shard)));
} catch (error) {
  if (!(error instanceof PulseError)) throw error;
  notify({ kind: 'fatal', code: error.code, message: error.message });
}
parentPort?.close();
