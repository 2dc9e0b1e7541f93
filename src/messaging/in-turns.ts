/** Work that is done some at a time, so that no transaction grows without bound. */
import type { Pool, PoolClient } from 'pg';
import { withTransaction } from '../platform/postgres.ts';

export interface TurnLimits {
  /** The most that one turn takes. */
  readonly perTurn: number;
  /** So that it ends. */
  readonly turnsMax: number;
}

/**
 * Runs `take` in one transaction after another, until one takes less than it could have.
 *
 * @param take Takes at most `perTurn`, and returns how many it took.
 * @returns How many all of them took.
 */
export async function takeInTurns(
  pool: Pool,
  { perTurn, turnsMax }: TurnLimits,
  take: (client: PoolClient, perTurn: number) => Promise<number>,
): Promise<number> {
  let count = 0;
  for (let turn = 0; turn < turnsMax; turn++) {
    const taken = await withTransaction(pool, (client) => take(client, perTurn));
    count += taken;
    if (taken < perTurn) break;
  }
  return count;
}
