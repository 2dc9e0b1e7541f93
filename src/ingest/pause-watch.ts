/** Pauses or resumes the ingest threads within seconds of `pulse pause` or `pulse resume`. */
import { Gauge, type Registry } from 'prom-client';
import { sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import { createOutageLog } from '../platform/outage-log.ts';
import type { PauseState } from './pauses-query.ts';
import type { IngestPool } from './pool.ts';

export interface PauseWatchDeps {
  readonly ingest: Pick<IngestPool, 'pause' | 'resume'>;
  /** Whether the threads were started paused. */
  readonly paused: boolean;
  readonly read: () => Promise<PauseState>;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly intervalMs?: number;
}

export interface PauseWatch {
  close(): Promise<void>;
}

const INTERVAL_MS = 2_000;

/**
 * While Postgres is unavailable, the last order holds: ingest does not need Postgres, and a fault must not end a
 * pause.
 */
export function startPauseWatch(deps: PauseWatchDeps): PauseWatch {
  const { ingest, logger, intervalMs = INTERVAL_MS } = deps;
  const closing = new AbortController();
  let paused = deps.paused;
  const outage = createOutageLog({
    logger,
    facts: {},
    failedText: 'cannot see whether ingest is paused',
    endedText: 'sees again whether ingest is paused',
  });
  new Gauge({
    name: 'pulse_ingest_paused',
    help: '1 while ingest is paused by `pulse pause`, otherwise 0.',
    registers: [deps.registry],
    collect() {
      this.set(paused ? 1 : 0);
    },
  });
  if (paused) logger.warn('ingest starts paused; `pulse resume` resumes it');

  const look = async (): Promise<void> => {
    const { paused: wanted, by, note } = await deps.read();
    outage.ended();
    if (wanted === paused || closing.signal.aborted) return;
    paused = wanted;
    if (paused) ingest.pause();
    else ingest.resume();
    logger.warn({ paused, by, note }, paused ? 'ingest paused' : 'ingest resumed');
  };

  const watch = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await sleep(intervalMs, closing.signal);
      await look().catch((error: unknown) => {
        outage.failed(error, { paused });
      });
    }
  };
  const ended = watch();
  return {
    close() {
      closing.abort();
      return ended;
    },
  };
}
