/** The root of an aggregator thread: folds the journals of all shards whose leases it gets, until told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { PulseError } from '../core/errors.ts';
import { createCrashPoint, type ArmedCrashPoint } from '../platform/crash-points.ts';
import { createLogger, type LoggerOptions, type LogLevel } from '../platform/logger.ts';
import { createRedis } from '../platform/redis.ts';
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

try {
  await Promise.all(Array.from({ length: task.shards }, (_, shard) => runShard(shard)));
} catch (error) {
  if (!(error instanceof PulseError)) throw error;
  notify({ kind: 'fatal', code: error.code, message: error.message });
}
parentPort?.close();
