/** Deletes old refusals from the audit log: strangers cause them, so they would grow without end. Changes stay. */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { REFUSALS } from './audit.ts';
import { deleteRefusals } from './audit-query.ts';

/** Of one transaction. */
const AT_A_TIME = 1_000;

/**
 * Any number of processes may do so at once.
 *
 * @param days Those that are older. At least 1: Postgres keeps the others.
 * @param signal Stops between two transactions.
 * @returns How many are deleted.
 */
export async function forgetRefusals(
  pool: Pick<Pool, 'connect'>,
  { days, signal }: { readonly days: number; readonly signal: AbortSignal },
): Promise<number> {
  let total = 0;
  for (const action of REFUSALS) {
    const old = { action, days, limit: AT_A_TIME };
    for (let count = AT_A_TIME; count === AT_A_TIME && !signal.aborted; total += count) {
      count = await withTransaction(pool, (client) => deleteRefusals(client, old));
    }
  }
  return total;
}
