/** Windows: UTC hours, named by their first second since 1970. */

export const WINDOW_SECONDS = 3600;

/** The start, in seconds, of the window [start, start + 3600) that holds the instant `timeMs`. */
export function windowStartSec(timeMs: number): number {
  return Math.floor(timeMs / (WINDOW_SECONDS * 1000)) * WINDOW_SECONDS;
}
