/** Changes many rows, a few in each transaction, so that none lasts long or holds many locks. */
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from './postgres.ts';

/**
 * Repeats a step until it finds less than it might. Any number of processes may do so at once, if the step skips what
 * others have locked.
 *
 * @param options.signal Stops between two transactions.
 * @param step Changes at most `limit` rows. @returns How many.
 * @returns How many all steps have changed.
 */
export async function inSteps(
  pool: Pick<Pool, 'connect'>,
  { limit, signal }: { readonly limit: number; readonly signal: AbortSignal },
  step: (client: PoolClient, limit: number) => Promise<number>,
): Promise<number> {
  let total = 0;
  for (let count = limit; count === limit && !signal.aborted; total += count) {
    count = await withTransaction(pool, (client) => step(client, limit));
  }
  return total;
}
