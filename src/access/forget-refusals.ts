/** Deletes old refusals from the audit log: strangers cause them, so they would grow without end. Changes stay. */
import type { Pool } from 'pg';
import { inSteps } from '../platform/in-steps.ts';
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
    total += await inSteps(pool, { limit: AT_A_TIME, signal }, (client, limit) =>
      deleteRefusals(client, { action, days, limit }),
    );
  }
  return total;
}
