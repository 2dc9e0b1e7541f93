/**
 * The relay: publishes what is in the outbox, with graphile-worker. Any number of processes may run one.
 *
 * It has two lanes, so that memory is bounded in bytes. Small jobs are most of them, and 250 of up to 128 KiB are held
 * at a time: 32 MiB. A large one may have tens of megabytes, so only two are held, one of them in progress; while it is
 * published, a message is there about four times, as the answer of Postgres, its JSON, its text and its bytes.
 *
 * graphile-worker keeps the jobs of a dead process locked for hours. Each relay therefore reports every
 * few seconds that it is alive, and unlocks the jobs of those that have not. It also unlocks those that are
 * locked for itself and never arrived, because Postgres's answer was lost. A message that had been
 * published is then published twice, and the inbox drops the copy.
 */
import { setMaxListeners } from 'node:events';
import type { Pool } from 'pg';
import type { Publication } from '../contract/publication.ts';
import { PulseError, UndeliverableError } from '../core/errors.ts';
import { backoffDelayMs, sleep, waitAtMost } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { startWatch } from '../platform/watch.ts';
import { sweepInbox } from './inbox.ts';
import type { MessageStep } from './message-steps.ts';
import { fromOutboxJob, RELAY_TASKS, type OutboxJob } from './outbox.ts';
import { startLane, type LaneLimits } from './relay-lane.ts';
import {
  hastenFailedJobs,
  removeRelay,
  reportRelay,
  takeOverJobs,
  unlockLostJobs,
} from './relay-query.ts';

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

const LANES: readonly LaneLimits[] = [
  { task: RELAY_TASKS.small, concurrency: 50, queueSize: 200, refetchMs: 20 },
  { task: RELAY_TASKS.large, concurrency: 1, queueSize: 1, refetchMs: 200 },
];
/** Jobs are fetched and completed in batches, so few connections do; each lane listens on one. */
export const RELAY_CONNECTIONS = 6;
const REPORT_INTERVAL_MS = 5_000;
const SWEEP_ROWS = 10_000;
const BACKOFF = { baseMs: 100, capMs: 5_000 };

/** Starts the relay; it restarts after Postgres was unavailable, until it is closed. */
export function startRelay(deps: RelayDeps): Relay {
  const { pool, logger } = deps;
  const stopping = new AbortController();
  const { signal } = stopping;
  // Every message that waits for RabbitMQ listens to it, more of them than Node.js expects.
  setMaxListeners(0, signal);
  const lanes = LANES.map((limits) =>
    startLane(limits, { pool, logger, signal, relay: (job) => relay(job, deps, signal) }),
  );
  /** The ids that the lanes have at present. */
  const running = () =>
    lanes.flatMap(({ id, heldIds }) => (id === undefined ? [] : [{ id, heldIds }]));

  const watch = startWatch({
    name: 'relays',
    intervalMs: REPORT_INTERVAL_MS,
    logger,
    async look() {
      for (const { id, heldIds } of running()) {
        await reportRelay(pool, id);
        const lost = await unlockLostJobs(pool, { relayId: id, heldIds: [...heldIds] });
        if (lost > 0) logger.warn({ jobs: lost }, 'jobs that never arrived were unlocked');
      }
      const taken = await takeOverJobs(pool);
      if (taken > 0) logger.warn({ jobs: taken }, 'jobs of a relay that died were taken over');
      await hastenFailedJobs(pool);
      await sweepInbox(pool, SWEEP_ROWS);
      return taken;
    },
  });

  return {
    async close(timeoutMs) {
      watch.close();
      stopping.abort();
      await waitAtMost(timeoutMs, Promise.allSettled(lanes.map((lane) => lane.stop())));
      for (const { id } of running()) await removeRelay(pool, id).catch(() => undefined);
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

/** A message that no queue takes is put off by itself, for a minute at most; the others go on. */
function isBrokerDown(error: unknown): boolean {
  if (!(error instanceof PulseError) || !error.retryable) return false;
  return !(error instanceof UndeliverableError);
}
