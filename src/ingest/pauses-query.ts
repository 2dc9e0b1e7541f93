/** Table pauses: whether ingest is paused. In Postgres, so that it survives every worker. */
import type { Pool } from 'pg';
import { toPulseError } from '../platform/postgres.ts';

/** The newest order; the last three are null before the first one. */
export interface PauseState {
  readonly paused: boolean;
  readonly by: string | null;
  readonly note: string | null;
  readonly since: Date | null;
}

export async function readPauseState(pool: Pick<Pool, 'query'>): Promise<PauseState> {
  try {
    const { rows } = await pool.query<{
      action: 'paused' | 'resumed';
      actor: string;
      note: string | null;
      at: Date;
    }>('SELECT action, actor, note, at FROM pauses ORDER BY id DESC LIMIT 1');
    const [newest] = rows;
    if (newest === undefined) return { paused: false, by: null, note: null, since: null };
    const { action, actor, note, at } = newest;
    return { paused: action === 'paused', by: actor, note, since: at };
  } catch (error) {
    throw toPulseError(error);
  }
}

/** Records an order, even if it changes nothing: it tells who else wanted it, and why. */
export async function recordPause(
  pool: Pick<Pool, 'query'>,
  order: { action: 'paused' | 'resumed'; actor: string; note: string | undefined },
): Promise<void> {
  try {
    await pool.query('INSERT INTO pauses (action, actor, note) VALUES ($1, $2, $3)', [
      order.action,
      order.actor,
      order.note ?? null,
    ]);
  } catch (error) {
    throw toPulseError(error);
  }
}
