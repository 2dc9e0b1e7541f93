/** When to repeat a request, and which failures are worth it. */
import { sleep, TIMER_MS_MAX } from './timers.ts';
import { PulseApiError, PulseConnectionError } from './transport.ts';

export interface RetryOptions {
  /**
   * For how long after the first attempt another one may begin. Default: 60 seconds; 0: a single attempt. Below a day,
   * for which the API remembers a key.
   */
  readonly retryForMs?: number;
  /** The first delay. It doubles, up to 30 seconds, with jitter, and is never less than the API asked for. */
  readonly retryDelayMs?: number;
  /** Ends the attempts: the call then throws PulseConnectionError, and the request may have been processed. */
  readonly signal?: AbortSignal;
}

const RETRY_FOR_MS = 60_000;
const DELAY_MS = 200;
const DELAY_MAX_MS = 30_000;

/**
 * Runs a request until it succeeds or fails for good. The request must be the same each time, and safe to repeat.
 *
 * @throws The last error, when another attempt would not help or would begin too late.
 */
export async function repeat<T>(
  request: () => Promise<T>,
  { retryForMs = RETRY_FOR_MS, retryDelayMs: firstMs = DELAY_MS, signal }: RetryOptions,
): Promise<T> {
  const endMs = performance.now() + retryForMs;
  const delays = { retryDelayMs: firstMs, retryDelayMaxMs: DELAY_MAX_MS };
  for (let attempt = 1; ; attempt++) {
    try {
      return await request();
    } catch (error) {
      const delayMs = retryDelayMs(attempt, error, delays);
      if (!isTemporary(error) || performance.now() + delayMs >= endMs) throw error;
      await pause(delayMs, signal);
    }
  }
}

/** @throws PulseConnectionError The signal was aborted before or while waiting. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, signal);
  if (signal?.aborted !== true) return;
  throw new PulseConnectionError('The call was aborted.', { cause: signal.reason });
}

/** @param attempt Failed attempts in a row, from 1. */
export function retryDelayMs(
  attempt: number,
  error: unknown,
  options: { readonly retryDelayMs: number; readonly retryDelayMaxMs: number },
): number {
  const cap = Math.min(options.retryDelayMaxMs, options.retryDelayMs * 2 ** (attempt - 1));
  const asked = error instanceof PulseApiError ? (error.retryAfterMs ?? 0) : 0;
  return Math.min(TIMER_MS_MAX, Math.max(asked, cap / 2 + (Math.random() * cap) / 2));
}

/** Whether the same request may succeed later: no answer, 408, 429, any 5xx, or a first attempt that still runs. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof PulseConnectionError) return true;
  if (!(error instanceof PulseApiError)) return false;
  const { status, code } = error;
  return (
    status === 408 || status === 429 || status >= 500 || code === 'PULSE_API_IDEMPOTENCY_KEY_BUSY'
  );
}
