/** Ends statements whose answer nobody waits for any more. */
import type { Pool } from 'pg';

/**
 * Runs `work` on a client whose backend is cancelled when the signal aborts. Waits for the cancel request to
 * end, so that it cannot hit the client's next statement.
 */
export async function withCancel<Result>(
  pool: Pick<Pool, 'query'>,
  { processId, signal }: { processId: number; signal: AbortSignal },
  work: () => Promise<Result>,
): Promise<Result> {
  let cancelled: Promise<unknown> = Promise.resolve();
  const onAbort = (): void => {
    cancelled = cancelStatement(pool, processId).catch(() => undefined);
  };
  signal.throwIfAborted();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await work();
  } finally {
    signal.removeEventListener('abort', onAbort);
    await cancelled;
  }
}

async function cancelStatement(pool: Pick<Pool, 'query'>, processId: number): Promise<void> {
  await pool.query('SELECT pg_cancel_backend($1)', [processId]);
}
