/**
 * Follows the subscriptions, and passes what has changed to the ingest threads.
 *
 * States:
 * - `current`: the last read succeeded. It reads every second, and at once when a thread asks, because a batch with
 *   refusals waits for a read that began after its question.
 * - `stale`: a read failed, or takes too long. The last subscriptions known stay in use, and threads that ask are told
 *   no at once. The next read that succeeds leads back to `current`.
 */
import type { Registry } from 'prom-client';
import type { AdmissionRow } from '../contract/admission.ts';
import { sleep } from '../platform/backoff.ts';
import { withChildSignal } from '../platform/child-signal.ts';
import type { Logger } from '../platform/logger.ts';
import { addSampledGauge } from '../platform/metrics.ts';
import { createOutageLog } from '../platform/outage-log.ts';
import { AdmissionSnapshot } from './admission-snapshot.ts';
import type { IngestPool, PoolAdmission } from './pool.ts';

export interface AdmissionWatchDeps {
  /**
   * Reads all subscriptions; with `since`, those that have changed since the read that returned this position, or all
   * again.
   */
  readonly read: (options: {
    readonly earliestMs: number;
    readonly since: string | undefined;
  }) => Promise<{
    readonly rows: readonly AdmissionRow[];
    readonly position: string;
    readonly isWhole: boolean;
  }>;
  /** No pulse is older than this when it is received. */
  readonly pulseAgeMaxMs: number;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly intervalMs?: number;
}

export interface AdmissionWatch extends PoolAdmission {
  /** Begins to read again and again, and to pass changes on. */
  follow(ingest: Pick<IngestPool, 'admit'>): void;
  close(): Promise<void>;
}

/** Without admission there is nothing to follow. */
export const NO_ADMISSION_WATCH: AdmissionWatch = {
  rows: [],
  refresh: () => Promise.resolve(true),
  follow: () => undefined,
  close: () => Promise.resolve(),
};

const INTERVAL_MS = 1_000;
/** Between two reads, however many batches ask. */
const PAUSE_MS = 20;
/** How long a thread waits for a read. */
const ANSWER_MAX_MS = 2_000;
/** For clocks that differ. */
const AGE_MARGIN_MS = 24 * 3_600_000;
const FORGET_INTERVAL_MS = 3_600_000;

/** Reads all subscriptions once. @throws TransientError if that fails. */
export async function openAdmissionWatch(deps: AdmissionWatchDeps): Promise<AdmissionWatch> {
  const { logger, registry, intervalMs = INTERVAL_MS } = deps;
  const reader = createReader(deps);
  await reader.read();
  const closing = new AbortController();
  const isClosing = (): boolean => closing.signal.aborted;
  const questions = createQuestions();
  const outage = createOutageLog({
    logger,
    facts: {},
    failedText: 'cannot read subscriptions; the last ones known decide, and nothing is refused',
    endedText: 'reads subscriptions again',
  });
  addSampledGauge(registry, {
    name: 'pulse_admission_snapshot_age_seconds',
    help: 'Age of the subscriptions that admission decides by. Missing while ADMISSION is off.',
    read: () => (performance.now() - reader.readAtMs) / 1000,
  });

  const look = async (ingest: Pick<IngestPool, 'admit'>): Promise<void> => {
    const answer = questions.take();
    try {
      const changed = await reader.read();
      if (changed.length > 0) ingest.admit(changed);
      answer(true);
      outage.ended();
    } catch (error) {
      answer(false);
      if (!isClosing()) outage.failed(error);
    }
  };
  const keepLooking = async (ingest: Pick<IngestPool, 'admit'>): Promise<void> => {
    while (!isClosing()) {
      await sleep(PAUSE_MS, closing.signal);
      await questions.untilAsked(intervalMs - PAUSE_MS, closing.signal);
      if (!isClosing()) await look(ingest);
    }
    questions.take()(false);
  };
  let ended: Promise<void> = Promise.resolve();
  return {
    get rows() {
      return reader.rows;
    },
    refresh: () => questions.ask(),
    follow(ingest) {
      ended = keepLooking(ingest);
    },
    close() {
      closing.abort();
      return ended;
    },
  };
}

/** Keeps the subscriptions, and reads what has changed since the last read that succeeded. */
function createReader({ read, pulseAgeMaxMs }: AdmissionWatchDeps) {
  const snapshot = new AdmissionSnapshot();
  let since: string | undefined;
  let readAtMs = 0;
  let forgottenAtMs = performance.now();
  return {
    get rows(): readonly AdmissionRow[] {
      return snapshot.rows;
    },
    get readAtMs(): number {
      return readAtMs;
    },
    /** @returns What has changed. */
    async read(): Promise<AdmissionRow[]> {
      const startedAtMs = performance.now();
      const earliestMs = Date.now() - pulseAgeMaxMs - AGE_MARGIN_MS;
      const { rows, position, isWhole } = await read({ earliestMs, since });
      since = position;
      readAtMs = startedAtMs;
      const changed = isWhole ? snapshot.replace(rows) : snapshot.apply(rows);
      if (startedAtMs - forgottenAtMs < FORGET_INTERVAL_MS) return changed;
      forgottenAtMs = startedAtMs;
      return [...changed, ...snapshot.forget(earliestMs)];
    },
  };
}

/** Threads that wait for a read. */
function createQuestions() {
  let isCurrent = true;
  let waiting = new Set<(isFresh: boolean) => void>();
  let asked = new AbortController();
  return {
    /** Resolves with the result of a read that begins after this call; with false when there is none in time. */
    async ask(): Promise<boolean> {
      if (!isCurrent) return false;
      const answered = new AbortController();
      const read = new Promise<boolean>((resolve) => waiting.add(resolve));
      asked.abort();
      const late = sleep(ANSWER_MAX_MS, answered.signal).then(() => undefined);
      const isFresh = await Promise.race([read, late]);
      answered.abort();
      isCurrent = isFresh === true;
      return isCurrent;
    },
    async untilAsked(ms: number, signal: AbortSignal): Promise<void> {
      if (waiting.size > 0) return;
      asked = new AbortController();
      await withChildSignal([asked.signal, signal], (either) => sleep(ms, either));
    },
    /** A read begins. @returns Answers those who have asked before. */
    take(): (isFresh: boolean) => void {
      const before = waiting;
      waiting = new Set();
      return (isFresh) => {
        isCurrent = isFresh;
        for (const resolve of before) resolve(isFresh);
      };
    },
  };
}
