/** Table pauses: whether ingest is paused. In Postgres, so that it survives every worker. */
import type { Pool } from 'pg';
import { queryRows } from '../platform/postgres.ts';

/** The newest order; the last three are null before the first one. */
export interface PauseState {
  readonly paused: boolean;
  readonly by: string | null;
  readonly note: string | null;
  readonly since: Date | null;
}

export async function readPauseState(pool: Pick<Pool, 'query'>): Promise<PauseState> {
  const [newest] = await queryRows<PauseState>(
    pool,
    `SELECT action = 'paused' AS paused, actor AS by, note, at AS since
     FROM pauses ORDER BY id DESC LIMIT 1`,
  );
  return newest ?? { paused: false, by: null, note: null, since: null };
}

/** Records an order, even if it changes nothing: it tells who else wanted it, and why. */
export async function recordPause(
  pool: Pick<Pool, 'query'>,
  order: { action: 'paused' | 'resumed'; actor: string; note: string | undefined },
): Promise<void> {
  const values = [order.action, order.actor, order.note ?? null];
  await queryRows(pool, 'INSERT INTO pauses (action, actor, note) VALUES ($1, $2, $3)', values);
}
