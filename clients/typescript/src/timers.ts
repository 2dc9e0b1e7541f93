/** Waiting. */

/** The longest that a timer can wait: 24 days. Beyond it, timers end at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** Ends early when the signal is aborted. @param ms At most TIMER_MS_MAX. */
export function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
