/**
 * The relay: publishes what is in the outbox, with graphile-worker. Any number of processes may run one.
 *
 * graphile-worker keeps the jobs of a dead process locked for hours. Each relay therefore reports every
 * few seconds that it is alive, and unlocks the jobs of those that have not. It also unlocks those that are
 * locked for itself and never arrived, because Postgres's answer was lost. A message that had been
 * published is then published twice, and the inbox drops the copy.
 */
import { EventEmitter } from 'node:events';
import {
  Logger as JobLogger,
  run,
  type Runner,
  type TaskList,
  type WorkerEvents,
} from 'graphile-worker';
import type { Pool } from 'pg';
import type { Publication } from '../contract/publication.ts';
import { PulseError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog, type OutageLog } from '../platform/outage-log.ts';
import { startWatch } from '../platform/watch.ts';
import { sweepInbox } from './inbox.ts';
import type { MessageStep } from './message-steps.ts';
import { fromOutboxJob, RELAY_TASK, type OutboxJob } from './outbox.ts';
import { removeRelay, reportRelay, takeOverJobs, unlockLostJobs } from './relay-query.ts';

export interface RelayDeps {
  /** For the relay alone: graphile-worker wants a connection for each job in progress. */
  readonly pool: Pool;
  readonly publish: (publication: Publication) => Promise<void>;
  readonly logger: Logger;
  readonly onStep: (step: MessageStep) => void;
  readonly onRelayed: (outcome: 'published' | 'failed') => void;
}

export interface Relay {
  /** Finishes what is being published within `timeoutMs`; the rest waits for another relay. */
  close(timeoutMs: number): Promise<void>;
}

/** Publications in progress at a time. */
const CONCURRENCY = 50;
/** Jobs are fetched and completed in batches, so few connections do; one listens. */
export const RELAY_CONNECTIONS = 5;
const LOCAL_QUEUE = 200;
const COMPLETE_BATCH_DELAY_MS = 50;
/** Each commit notifies the relay. Without a pause it would fetch one job at a time, at the price of many. */
const REFETCH_MS = 20;
const POLL_INTERVAL_MS = 1_000;
const REPORT_INTERVAL_MS = 5_000;
const SWEEP_ROWS = 10_000;
const BACKOFF = { baseMs: 100, capMs: 5_000 };

/** Starts the relay; it restarts after Postgres was unavailable, until it is closed. */
export function startRelay(deps: RelayDeps): Relay {
  const { pool, logger } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  let runner: Runner | undefined;
  let relayId: string | undefined;
  /** The jobs that the runner has, waiting or in progress. */
  const heldIds = new Set<string>();

  const outage = createOutageLog({
    logger,
    facts: {},
    failedText: 'relay stopped; starting it again until it runs',
    endedText: 'relay runs again',
  });

  const polling = createOutageLog({
    logger,
    facts: {},
    failedText: 'relay error',
    endedText: 'relay fetches jobs again',
  });

  const isWanted = (): boolean => !signal.aborted;

  const keepRunning = async (): Promise<void> => {
    for (let attempt = 0; isWanted(); attempt++) {
      const events = new EventEmitter() as WorkerEvents;
      // With a local queue, jobs are locked under the id of the pool.
      events.on('pool:create', ({ workerPool }) => {
        relayId = workerPool.id;
        heldIds.clear();
      });
      followHeldJobs(events, heldIds);
      refetchWhenNotified(events);
      events.on('localQueue:getJobs:complete', () => {
        polling.ended();
      });
      try {
        runner = await run(runnerOptions(deps, { events, polling, signal }));
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

  const watch = startWatch({
    name: 'relays',
    intervalMs: REPORT_INTERVAL_MS,
    logger,
    async look() {
      if (relayId !== undefined) {
        await reportRelay(pool, relayId);
        const lost = await unlockLostJobs(pool, { relayId, heldIds: [...heldIds] });
        if (lost > 0) logger.warn({ jobs: lost }, 'jobs that never arrived were unlocked');
      }
      const taken = await takeOverJobs(pool);
      if (taken > 0) logger.warn({ jobs: taken }, 'jobs of a relay that died were taken over');
      await sweepInbox(pool, SWEEP_ROWS);
      return taken;
    },
  });

  return {
    async close(timeoutMs) {
      watch.close();
      stopping.abort();
      // It was never started, or has stopped already.
      const stopped = runner?.stop().catch(() => undefined);
      await waitAtMost(timeoutMs, Promise.allSettled([stopped, running]));
      if (relayId !== undefined) await removeRelay(pool, relayId).catch(() => undefined);
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
  deps: RelayDeps,
  {
    events,
    polling,
    signal,
  }: { events: WorkerEvents; polling: Pick<OutageLog, 'failed'>; signal: AbortSignal },
) {
  const taskList: TaskList = {
    [RELAY_TASK]: (payload) => relay(payload as OutboxJob, deps, signal),
  };
  return {
    pgPool: deps.pool,
    taskList,
    events,
    noHandleSignals: true,
    pollInterval: POLL_INTERVAL_MS,
    parsedCronItems: [],
    logger: jobLogger(polling),
    preset: {
      worker: {
        concurrentJobs: CONCURRENCY,
        localQueue: {
          size: LOCAL_QUEUE,
          refetchDelay: { durationMs: REFETCH_MS, threshold: LOCAL_QUEUE - 1 },
        },
        completeJobBatchDelay: COMPLETE_BATCH_DELAY_MS,
        // A connection pooler may give each statement another session.
        preparedStatements: false,
      },
    },
  };
}

/**
 * Publishes one job. While RabbitMQ is unavailable it waits here: a failed job would be put off for
 * longer and longer, and every job behind it needs RabbitMQ as well.
 */
async function relay(job: OutboxJob, deps: RelayDeps, signal: AbortSignal): Promise<void> {
  const publication = fromOutboxJob(job);
  for (let attempt = 0; ; attempt++) {
    try {
      const published = deps.publish(publication);
      deps.onStep('relayed');
      await published;
      deps.onStep('confirmed');
      deps.onRelayed('published');
      return;
    } catch (error) {
      if (!isBrokerDown(error) || signal.aborted) {
        deps.onRelayed('failed');
        throw error;
      }
      await sleep(backoffDelayMs(attempt, BACKOFF), signal);
    }
  }
}

/** A message that no queue takes is put off by itself; the others go on. */
function isBrokerDown(error: unknown): boolean {
  if (!(error instanceof PulseError) || !error.retryable) return false;
  return error.code !== 'PULSE_PUBLISH_UNROUTABLE';
}

/** Only errors: graphile-worker logs every job at a lower level, and warns of the small pool, which is meant. */
function jobLogger(polling: Pick<OutageLog, 'failed'>): JobLogger {
  return new JobLogger(() => (level, message) => {
    const severity: string = level;
    if (severity === 'error') polling.failed(new Error(message));
  });
}
