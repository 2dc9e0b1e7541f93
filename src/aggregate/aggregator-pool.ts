/** Keeps the aggregator thread of a worker running, and stops it at the end. */
import { Worker } from 'node:worker_threads';
import type { Registry } from 'prom-client';
import { Counter } from 'prom-client';
import { FatalError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import { builtFileUrl } from '../platform/built-file.ts';
import type { Logger, LogLevel } from '../platform/logger.ts';
import type { AggregatorCommand, AggregatorNotice, AggregatorTask } from './aggregator-thread.ts';

export interface AggregatorPoolOptions {
  readonly task: AggregatorTask;
  readonly logger: Logger;
  readonly onCounts: (counts: { counted: number; duplicates: number }) => void;
  /** Redis holds something that is not Pulse's; the process must stop. */
  readonly onFatal: (error: FatalError) => void;
}

export interface AggregatorPool {
  readonly setLogLevel: (level: LogLevel) => void;
  /** Lets the thread commit what it has folded, within the time. */
  close(withinMs: number): Promise<void>;
}

/** A quarter of V8's default. Measured: the fold is not slower, and a worker takes some 12 MiB less. */
const YOUNG_GENERATION_MIB = 12;
const REPLACE_BACKOFF = { baseMs: 200, capMs: 10_000 };

export function startAggregators(options: AggregatorPoolOptions): AggregatorPool {
  const { task, logger } = options;
  const stopping = new AbortController();
  let { log } = task;
  let thread: Worker | undefined;
  const tell = (command: AggregatorCommand): void => {
    thread?.postMessage(command);
  };

  const keepThread = async (): Promise<void> => {
    for (let attempt = 0; !stopping.signal.aborted; attempt++) {
      thread = new Worker(builtFileUrl(import.meta.url, './aggregator-thread.js'), {
        workerData: { ...task, log } satisfies AggregatorTask,
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MIB },
      });
      thread.on('message', (notice: AggregatorNotice) => {
        if (notice.kind === 'counts') options.onCounts(notice);
        else options.onFatal(new FatalError(notice.code, notice.message));
      });
      thread.on('error', (error) => {
        logger.error({ err: error }, 'aggregator thread died; starting another');
      });
      await exitOf(thread);
      await sleep(backoffDelayMs(attempt, REPLACE_BACKOFF), stopping.signal);
    }
  };

  const kept = keepThread();
  return {
    setLogLevel(level) {
      log = { ...log, level };
      tell({ kind: 'log level', level });
    },
    async close(withinMs) {
      stopping.abort();
      tell({ kind: 'stop' });
      await waitAtMost(withinMs, kept);
      await thread?.terminate();
    },
  };
}

/** Not `once` of node:events, which rejects at the error that comes before the exit. */
function exitOf(thread: Worker): Promise<void> {
  return new Promise((resolve) => {
    thread.once('exit', () => {
      resolve();
    });
  });
}

/** Counts are kept in the main thread, so that those of a dead thread remain. */
export function createAggregateMetrics(registry: Registry) {
  const counter = (name: string, help: string): Counter =>
    new Counter({ name, help, registers: [registry] });
  const counted = counter('pulse_counted_total', 'Pulses added to the sums in Redis.');
  const duplicates = counter(
    'pulse_duplicates_total',
    'Pulses not counted because their id had been counted.',
  );
  return {
    record: (counts: { readonly counted: number; readonly duplicates: number }): void => {
      counted.inc(counts.counted);
      duplicates.inc(counts.duplicates);
    },
  };
}
