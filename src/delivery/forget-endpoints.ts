/**
 * Removes endpoints that were deleted long ago. Until then their deliveries and attempts can be listed, and nobody else
 * gets their ids.
 */
import type { Pool } from 'pg';
import { inSteps } from '../platform/in-steps.ts';
import { forgetDeleted } from './endpoints-query.ts';

const AT_A_TIME = 500;
/** An attempt that was in progress when its endpoint was deleted is written down later. */
const IN_PROGRESS_MS = 86_400_000;

/** The end of what is removed, when only the months from that of `before` on are kept. */
export function forgottenBefore(before: Date): Date {
  const firstKept = Date.UTC(before.getUTCFullYear(), before.getUTCMonth());
  return new Date(firstKept - IN_PROGRESS_MS);
}

/**
 * Any number of processes may do so at once.
 *
 * @param before As of the months that were dropped before.
 * @param signal Stops between two transactions.
 * @returns How many are removed.
 */
export async function forgetEndpoints(
  pool: Pick<Pool, 'connect'>,
  { before, signal }: { readonly before: Date; readonly signal: AbortSignal },
): Promise<number> {
  const deletedBefore = forgottenBefore(before);
  return inSteps(pool, { limit: AT_A_TIME, signal }, (client, limit) =>
    forgetDeleted(client, deletedBefore, limit),
  );
}
