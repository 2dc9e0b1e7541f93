/** Waiting: between attempts, capped, jittered, abortable; and for work, with a bound. */
import { setTimeout as delay } from 'node:timers/promises';

/** Bounds of one retry loop, in milliseconds. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * The wait before attempt `attempt` (0-based): a random time in the upper half of the exponential step.
 *
 * Half of the step is kept so that a herd spreads out and still nobody hammers a server that is down.
 */
export function backoffDelayMs(
  attempt: number,
  { baseMs, capMs }: BackoffOptions,
  random: () => number = Math.random,
): number {
  const stepMs = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30));
  return stepMs / 2 + (stepMs / 2) * random();
}

/** Waits `ms`; returns early, without an error, when `signal` aborts. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

/** Waits until `work` has ended, for at most `ms`. @throws What `work` throws within that time. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  try {
    await Promise.race([work, sleep(ms, timeout.signal)]);
  } finally {
    timeout.abort();
  }
}
