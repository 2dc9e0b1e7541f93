/**
 * One lane of the relay: a runner of graphile-worker for one kind of job, restarted after Postgres was unavailable.
 *
 * graphile-worker fetches whole jobs, body and all, so a lane holds at most `concurrency + queueSize` of them.
 */
import { EventEmitter } from 'node:events';
import { Logger as JobLogger, run, type Runner, type WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';
import { backoffDelayMs, sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog, type OutageLog } from '../platform/outage-log.ts';
import type { OutboxJob } from './outbox.ts';

export interface LaneLimits {
  readonly task: string;
  /** Jobs in progress at a time. */
  readonly concurrency: number;
  /** Jobs that are fetched and wait for their turn. */
  readonly queueSize: number;
  /** Each commit notifies every lane. Without a pause a lane would fetch one job at a time, at the price of many. */
  readonly refetchMs: number;
}

export interface LaneDeps {
  readonly pool: Pool;
  readonly logger: Logger;
  readonly relay: (job: OutboxJob) => Promise<void>;
  /** Ends the lane. */
  readonly signal: AbortSignal;
}

export interface Lane {
  /** Under which its jobs are locked; undefined until it has connected. */
  readonly id: string | undefined;
  /** The jobs that it has, waiting or in progress. */
  readonly heldIds: ReadonlySet<string>;
  /** Resolves when what is in progress has ended, after the signal was aborted. */
  stop(): Promise<void>;
}

const COMPLETE_BATCH_DELAY_MS = 50;
const POLL_INTERVAL_MS = 1_000;
const BACKOFF = { baseMs: 100, capMs: 5_000 };

export function startLane(limits: LaneLimits, deps: LaneDeps): Lane {
  const { logger, signal } = deps;
  const facts = { task: limits.task };
  const outage = createOutageLog({
    logger,
    facts,
    failedText: 'relay stopped; starting it again until it runs',
    endedText: 'relay runs again',
  });
  const polling = createOutageLog({
    logger,
    facts,
    failedText: 'relay error',
    endedText: 'relay fetches jobs again',
  });
  const heldIds = new Set<string>();
  let runner: Runner | undefined;
  let id: string | undefined;

  const isWanted = (): boolean => !signal.aborted;
  const keepRunning = async (): Promise<void> => {
    for (let attempt = 0; isWanted(); attempt++) {
      const events = new EventEmitter() as WorkerEvents;
      // With a local queue, jobs are locked under the id of the pool.
      events.on('pool:create', ({ workerPool }) => {
        id = workerPool.id;
        heldIds.clear();
      });
      followHeldJobs(events, heldIds);
      refetchWhenNotified(events);
      events.on('localQueue:getJobs:complete', () => {
        polling.ended();
      });
      try {
        runner = await run(runnerOptions(limits, deps, { events, polling }));
        attempt = 0;
        outage.ended();
        await runner.promise;
      } catch (error) {
        if (isWanted()) outage.failed(error);
      }
      await sleep(backoffDelayMs(attempt, BACKOFF), signal);
    }
  };
  const running = keepRunning();

  return {
    get id() {
      return id;
    },
    heldIds,
    async stop() {
      // It was never started, or has stopped already.
      const stopped = runner?.stop().catch(() => undefined);
      await Promise.allSettled([stopped, running]);
    },
  };
}

/** Keeps `heldIds` as the runner takes jobs, and ends or returns them. */
function followHeldJobs(events: WorkerEvents, heldIds: Set<string>): void {
  events.on('localQueue:getJobs:complete', ({ jobs }) => {
    for (const { id } of jobs) heldIds.add(id);
  });
  events.on('localQueue:returnJobs', ({ jobs }) => {
    for (const { id } of jobs) heldIds.delete(id);
  });
  events.on('job:complete', ({ job }) => {
    heldIds.delete(job.id);
  });
}

/**
 * Fetches at the end of a pause if a job was added during it. graphile-worker itself would then wait for its next
 * poll.
 */
function refetchWhenNotified(events: WorkerEvents): void {
  let isNotified = false;
  events.on('pool:listen:notification', () => {
    isNotified = true;
  });
  events.on('localQueue:refetchDelay:expired', ({ localQueue }) => {
    if (!isNotified) return;
    isNotified = false;
    localQueue.pulse(1);
  });
}

function runnerOptions(
  { task, concurrency, queueSize, refetchMs }: LaneLimits,
  { pool, relay }: LaneDeps,
  { events, polling }: { events: WorkerEvents; polling: Pick<OutageLog, 'failed'> },
) {
  return {
    pgPool: pool,
    taskList: { [task]: (payload: unknown) => relay(payload as OutboxJob) },
    events,
    noHandleSignals: true,
    pollInterval: POLL_INTERVAL_MS,
    parsedCronItems: [],
    logger: jobLogger(polling),
    preset: {
      worker: {
        concurrentJobs: concurrency,
        localQueue: {
          size: queueSize,
          refetchDelay: { durationMs: refetchMs, threshold: queueSize - 1 },
        },
        completeJobBatchDelay: COMPLETE_BATCH_DELAY_MS,
        // A connection pooler may give each statement another session.
        preparedStatements: false,
      },
    },
  };
}

/** Only errors: graphile-worker logs every job at a lower level, and warns of the small pool, which is meant. */
function jobLogger(polling: Pick<OutageLog, 'failed'>): JobLogger {
  return new JobLogger(() => (level, message) => {
    const severity: string = level;
    if (severity === 'error') polling.failed(new Error(message));
  });
}
