/** Windows: stretches of UTC time of one length, named by their first second since 1970. */

/** The lengths that an installation can choose from, in minutes. Each divides an hour, so windows never cross one. */
export const WINDOW_MINUTES = [60, 30, 15] as const;

export const HOUR_SECONDS = 3_600;

/** The start, in seconds, of the window [start, start + windowSeconds) that holds the instant `timeMs`. */
export function windowStartSec(timeMs: number, windowSeconds: number): number {
  return Math.floor(timeMs / (windowSeconds * 1000)) * windowSeconds;
}
