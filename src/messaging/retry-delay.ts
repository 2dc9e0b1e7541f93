/** When a failed message is tried again. */

/** After the first, second, … failed attempt, in seconds. */
const DELAYS_SECONDS = [5, 15, 45, 120, 300] as const;
/** A delay is up to this share longer, so that what failed together does not come back together. */
const JITTER = 0.2;

export const ATTEMPTS_MAX = 5;
/** How often a message is put off at most: for about an hour. */
export const PUT_OFFS_MAX = 15;

/**
 * @param attempt The attempt that failed, from 1; or how often the message was put off.
 * @param random 0 to 1.
 */
export function retryDelayMs(attempt: number, random: number): number {
  const index = Math.min(attempt, DELAYS_SECONDS.length) - 1;
  return (DELAYS_SECONDS[Math.max(0, index)] ?? 300) * 1000 * (1 + JITTER * random);
}
