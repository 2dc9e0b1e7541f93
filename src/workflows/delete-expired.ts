/** Deletes workflows that were consumed long ago, a few in each transaction. */
import type { Pool } from 'pg';
import { inSteps } from '../platform/in-steps.ts';
import { deleteConsumed } from './workflows-query.ts';

/** Of one transaction: a workflow may have several megabytes. */
const AT_A_TIME = 100;

/**
 * Any number of processes may do so at once.
 *
 * @param before Those that were consumed earlier.
 * @param signal Stops between two transactions.
 * @returns How many are deleted.
 */
export async function deleteExpired(
  pool: Pick<Pool, 'connect'>,
  { before, signal }: { readonly before: Date; readonly signal: AbortSignal },
): Promise<number> {
  return inSteps(pool, { limit: AT_A_TIME, signal }, (client, limit) =>
    deleteConsumed(client, before, limit),
  );
}
