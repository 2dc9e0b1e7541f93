/** Notices within seconds that somebody has paused ingest or let it go on. */
import { Gauge, type Registry } from 'prom-client';
import { sleep } from '../platform/backoff.ts';
import type { Logger } from '../platform/logger.ts';
import type { PauseState } from './pauses-query.ts';
import type { IngestPool } from './pool.ts';

export interface PauseWatchDeps {
  readonly ingest: Pick<IngestPool, 'pause' | 'resume'>;
  /** What the threads were started with. */
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
 * Starts the watch. While Postgres is away the last order holds: ingest needs no Postgres, and a pause must
 * not end because of a fault.
 */
export function startPauseWatch(deps: PauseWatchDeps): PauseWatch {
  const { ingest, logger, intervalMs = INTERVAL_MS } = deps;
  const closing = new AbortController();
  let paused = deps.paused;
  let readable = true;
  new Gauge({
    name: 'pulse_ingest_paused',
    help: 'Whether ingest was told to pause: 1 from `pulse pause` to `pulse resume`.',
    registers: [deps.registry],
    collect() {
      this.set(paused ? 1 : 0);
    },
  });
  if (paused) logger.warn('ingest starts paused; `pulse resume` lets it go on');

  const look = async (): Promise<void> => {
    const { paused: wanted, by, note } = await deps.read();
    readable = true;
    if (wanted === paused || closing.signal.aborted) return;
    paused = wanted;
    if (paused) ingest.pause();
    else ingest.resume();
    logger.warn({ paused, by, note }, 'ingest was told to pause or to go on');
  };

  const watch = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      await sleep(intervalMs, closing.signal);
      await look().catch((error: unknown) => {
        if (readable) logger.warn({ err: error, paused }, 'cannot see whether ingest is paused');
        readable = false;
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
