/** When a failed webhook is sent again. */

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

/** After the first, second, … failed attempt. */
const DELAYS_MS = [
  5 * SECOND_MS,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  24 * HOUR_MS,
] as const;
/** A delay is up to this share shorter or longer, so that what failed together does not come back together. */
const JITTER = 0.1;

/** The first attempt and nine retries: just over three days. */
export const ATTEMPTS_MAX = DELAYS_MS.length + 1;

/**
 * When to try again after a failed attempt, in milliseconds since 1970; undefined after the last.
 *
 * @param failed.attempt The attempt that failed, from 1.
 * @param failed.retryAfterMs What the receiver asked for. It only makes the retry later, never earlier.
 * @param failed.random 0 to 1.
 */
export function retryAtMs({
  attempt,
  nowMs,
  retryAfterMs = 0,
  random,
}: {
  readonly attempt: number;
  readonly nowMs: number;
  readonly retryAfterMs?: number | undefined;
  readonly random: number;
}): number | undefined {
  const delayMs = DELAYS_MS[attempt - 1];
  if (delayMs === undefined) return undefined;
  const jitteredMs = Math.round(delayMs * (1 - JITTER + 2 * JITTER * random));
  return nowMs + Math.max(jitteredMs, retryAfterMs);
}
