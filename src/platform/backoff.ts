/** Waiting: between attempts, with a cap and jitter; and for work, with a time limit. */
import { setTimeout as delay } from 'node:timers/promises';
import { TransientError } from '../core/errors.ts';

/** The limits of one retry loop. */
export interface BackoffOptions {
  readonly baseMs: number;
  readonly capMs: number;
}

/**
 * How long to wait after failed attempt `attempt` (0-based): a random time in the upper half of the
 * exponential step.
 *
 * The random half spreads clients out; the fixed half keeps them from hammering a server that is down.
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

/** Waits for `work` to end, but at most `ms`. @throws What `work` throws within that time. */
export async function waitAtMost(ms: number, work: Promise<unknown>): Promise<void> {
  const timeout = new AbortController();
  try {
    await Promise.race([work, sleep(ms, timeout.signal)]);
  } finally {
    timeout.abort();
  }
}

/** Waits for `work`. @throws TransientError PULSE_TIMEOUT after `ms`. */
export async function withTimeout<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new TransientError('PULSE_TIMEOUT', `No answer within ${ms} ms.`));
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
