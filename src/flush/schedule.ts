/** Runs the flush on a cron expression, catches up on missed ticks, and retries failures. */
import { createTask, type Logger as CronLogger } from 'node-cron';
import { PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep, type BackoffOptions } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';

export interface FlushScheduleOptions {
  /** Five or six fields, in UTC. */
  readonly cron: string;
  readonly flush: () => Promise<unknown>;
  /** Called once, at start: did a tick pass while no process ran? See overdue.ts. */
  readonly isOverdue: () => Promise<boolean>;
  readonly logger: Logger;
  readonly retryBackoff?: BackoffOptions;
}

export interface FlushSchedule {
  /** Stops the ticks and the retries, and waits for a running flush. */
  close(): Promise<void>;
}

const WATCH_INTERVAL_MS = 5_000;
/** node-cron drops a tick that is 1 to 2 s late, so a tick that is later than this was dropped. */
const MISSED_AFTER_MS = 2_500;
const DEFAULT_RETRY_BACKOFF = { baseMs: 1_000, capMs: 60_000 };

/**
 * A failing flush is logged and retried until the next tick, which starts over. Nothing here ends the process.
 *
 * Waiting → a tick, or the watch finds one that was missed → flushing.
 * Flushing → done, or failed for good → waiting, or flushing again if there was a tick meanwhile.
 * Flushing → failed → waiting for the retry → flushing.
 * Any → `close` → closed, after the running flush.
 */
export function startFlushSchedule(options: FlushScheduleOptions): FlushSchedule {
  const { cron, logger } = options;
  const closing = new AbortController();
  let running: Promise<void> | undefined;
  let tickedMeanwhile = false;

  const run = (reason: string): Promise<void> => {
    if (running !== undefined) {
      tickedMeanwhile = true;
      return running;
    }
    logger.debug({ reason }, 'flush started');
    running = flushUntil(options, { deadlineMs: nextTickMs, signal: closing.signal }).finally(
      () => {
        running = undefined;
        const again = tickedMeanwhile && !closing.signal.aborted;
        tickedMeanwhile = false;
        if (again) void run('tick during the last flush');
      },
    );
    return running;
  };
  const tick = (reason: string): Promise<void> => {
    nextTickMs = nextTickOf(task);
    return run(reason);
  };

  const task = createTask(cron, () => tick('tick'), {
    timezone: 'UTC',
    noOverlap: true,
    suppressMissedWarning: true,
    logger: toCronLogger(logger),
  });
  void task.start();
  let nextTickMs = nextTickOf(task);

  // node-cron never catches up on a tick that it could not run in time: because the event loop was blocked, the
  // process was stopped, the clock was set forward, or a flush took longer than the interval.
  let watchedAtMs = Date.now();
  const watch = setInterval(() => {
    const nowMs = Date.now();
    if (nowMs >= nextTickMs + MISSED_AFTER_MS) {
      logger.warn({ missedTick: new Date(nextTickMs) }, 'flush tick was missed; flushing now');
      void tick('missed tick');
    } else if (nowMs < watchedAtMs) {
      // After the clock was set back, the next tick is earlier.
      nextTickMs = Math.min(nextTickMs, nextTickOf(task));
    }
    watchedAtMs = nowMs;
  }, WATCH_INTERVAL_MS);

  const startCheck = checkOverdue(options).then((overdue) => {
    if (overdue && !closing.signal.aborted) void run('overdue at start');
  });

  return {
    async close() {
      closing.abort();
      clearInterval(watch);
      await task.destroy();
      await startCheck;
      await running;
    },
  };
}

/** Flushes, and retries with backoff until the next tick would come first. Never throws. */
async function flushUntil(
  { flush, logger, retryBackoff = DEFAULT_RETRY_BACKOFF }: FlushScheduleOptions,
  { deadlineMs, signal }: { deadlineMs: number; signal: AbortSignal },
): Promise<void> {
  for (let attempt = 0; !signal.aborted; attempt++) {
    try {
      await flush();
      return;
    } catch (error) {
      // Repeating a flush is harmless, so unknown errors are retried too. A FatalError needs a person.
      const hopeless = error instanceof PulseError && !error.retryable;
      const delayMs = backoffDelayMs(attempt, retryBackoff);
      const retried = !hopeless && Date.now() + delayMs < deadlineMs;
      logger.error({ err: error, attempt: attempt + 1, retried }, 'flush failed');
      if (!retried) return;
      await sleep(delayMs, signal);
    }
  }
}

async function checkOverdue({ isOverdue, logger }: FlushScheduleOptions): Promise<boolean> {
  try {
    return await isOverdue();
  } catch (error) {
    logger.warn({ err: error }, 'cannot tell whether a flush is overdue; flushing');
    return true;
  }
}

function nextTickOf(task: { getNextRun(): Date | null }): number {
  return task.getNextRun()?.getTime() ?? Number.POSITIVE_INFINITY;
}

function toCronLogger(logger: Logger): CronLogger {
  const log = (level: 'debug' | 'warn' | 'error') => (detail: string | Error) => {
    logger[level]({ detail }, 'flush timer');
  };
  return { info: log('debug'), debug: log('debug'), warn: log('warn'), error: log('error') };
}
