/** A status without servers. */
import type { Status } from '../../src/status/status.ts';
import type { StatusModuleDeps } from '../../src/status/status-routes.ts';

/** Everything is known, quiet and well; the counts are larger than a double can hold. */
export const QUIET: Status = {
  at: new Date('2026-01-31T13:00:00Z'),
  ingest: { paused: false, by: null, note: null, since: null },
  queue: { ready: 0, consumers: 1 },
  deadQueue: { ready: 0, consumers: 1 },
  parkedQueue: { ready: 0, consumers: 0 },
  messageQueues: [],
  oldestPulseSeconds: 0,
  sums: {
    received: 9_007_199_254_740_995n,
    counted: 9_007_199_254_740_993n,
    duplicates: 2n,
    journalled: 0n,
    journalSeconds: 0,
    live: 0n,
    sealed: 0n,
    leftovers: 0,
    unflushedSeconds: 0,
  },
  books: {
    drift: 0n,
    journalDrift: 0n,
    balanced: true,
    at: new Date('2026-01-31T13:00:00Z'),
  },
  lastFlushAt: null,
  nextFlushAt: new Date('2026-01-31T14:00:00Z'),
  deadLetters: [{ reason: 'invalid_tenant', count: 3 }],
  outbox: { waiting: 0, oldestSeconds: 0, scheduled: 0 },
  deliveries: {
    dueCount: 0,
    lateSeconds: 0,
    endpoints: { healthy: 0, failing: 0, disabled: 0 },
  },
  workflows: { waiting: 0 },
  exports: { queued: 0, running: 0, oldestSeconds: 0 },
  unavailable: [],
  problems: [],
};

/** Streams end at once, so that an injected request ends too. */
export const QUIET_STATUS: Omit<StatusModuleDeps, 'pool'> = {
  reader: { read: () => Promise.resolve(QUIET), history: () => [] },
  streamLimits: { perCaller: 100, total: 100, lifeMs: 0, checkMs: 5 },
};
