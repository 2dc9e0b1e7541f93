/** Waiting. */

/** The longest that a timer can wait: 24 days. Beyond it, timers end at once. */
export const TIMER_MS_MAX = 2 ** 31 - 1;

/** What a timer can take: a whole number of milliseconds, 1 to TIMER_MS_MAX. */
export function timerMs(ms: number): number {
  return Math.min(TIMER_MS_MAX, Math.max(1, Math.ceil(ms)));
}

/** Ends early when the signal is aborted. A longer wait ends after TIMER_MS_MAX. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, timerMs(ms));
    if (signal?.aborted === true) end();
    else signal?.addEventListener('abort', end);
  });
}

/**
 * Runs `work` with a signal that ends after `ms`, and with `signal`.
 *
 * Instead of `AbortSignal.any`, which leaves an entry behind in a signal that lives long, each time.
 */
export async function withDeadline<T>(
  ms: number,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const follow = (): void => {
    end.abort(signal?.reason);
  };
  const timer = setTimeout(() => {
    end.abort(new DOMException('The time is up.', 'TimeoutError'));
  }, timerMs(ms));
  try {
    if (signal?.aborted === true) follow();
    signal?.addEventListener('abort', follow);
    return await work(end.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', follow);
  }
}
