/** A read that many callers share: one at a time, and its result is kept for a moment. */
import { withTimeout } from './backoff.ts';

export interface SharedReadOptions<T> {
  readonly read: () => Promise<T>;
  /** How long a caller waits; then it gets PULSE_TIMEOUT. Default: until the read ends. */
  readonly withinMs?: number;
  /** For how long a result is good, counted from the start of its read or from its end. Default: from its start. */
  readonly keepMs: number;
  readonly keepFrom?: 'start' | 'end';
}

/**
 * Creates the read. A read that takes longer than its callers wait is not started a second time while it runs: a server
 * that hangs holds one connection, not one more for each question. A failure is not kept.
 */
export function createSharedRead<T>(options: SharedReadOptions<T>): () => Promise<T> {
  const { read, withinMs, keepMs, keepFrom = 'start' } = options;
  let running: Promise<T> | undefined;
  let kept: { readonly value: T; readonly untilMs: number } | undefined;

  const start = async (): Promise<T> => {
    const startedMs = performance.now();
    try {
      const value = await read();
      const sinceMs = keepFrom === 'start' ? startedMs : performance.now();
      kept = { value, untilMs: sinceMs + keepMs };
      return value;
    } finally {
      running = undefined;
    }
  };
  return () => {
    if (kept !== undefined && performance.now() < kept.untilMs) return Promise.resolve(kept.value);
    running ??= start();
    return withinMs === undefined ? running : withTimeout(withinMs, running);
  };
}
