/** Ends statements whose answer nobody waits for any more. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Pool } from 'pg';

const CANCEL_AGAIN_MS = 250;

/**
 * Runs `work` on a client whose backend is cancelled when the signal aborts. Waits for the cancel request to
 * end, so that it cannot hit the client's next statement.
 */
export async function withCancel<Result>(
  pool: Pick<Pool, 'query'>,
  { processId, signal }: { processId: number; signal: AbortSignal },
  work: () => Promise<Result>,
): Promise<Result> {
  const ended = new AbortController();
  let cancelling: Promise<unknown> = Promise.resolve();
  const onAbort = (): void => {
    cancelling = cancelUntil(ended.signal, () => cancelStatement(pool, processId));
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', onAbort);
    ended.abort();
    await cancelling;
  }
}

/** Cancels again and again: a cancel request that comes before the statement or between two of them ends nothing. */
async function cancelUntil(ended: AbortSignal, cancel: () => Promise<void>): Promise<void> {
  while (!ended.aborted) {
    await cancel().catch(() => undefined);
    await delay(CANCEL_AGAIN_MS, undefined, { signal: ended }).catch(() => undefined);
  }
}

async function cancelStatement(pool: Pick<Pool, 'query'>, processId: number): Promise<void> {
  await pool.query('SELECT pg_cancel_backend($1)', [processId]);
}
