/** Table epochs: the epochs of this installation; see epoch.ts. */
import type { Pool } from 'pg';
import { codeOf } from '../core/errors.ts';
import { toPulseError } from '../platform/postgres.ts';

const UNDEFINED_TABLE = '42P01';

/** The newest epoch; undefined before the first start, even in a database without tables. */
export async function readEpoch(pool: Pick<Pool, 'query'>): Promise<string | undefined> {
  try {
    const { rows } = await pool.query<{ id: string }>(
      'SELECT id FROM epochs ORDER BY started_at DESC, id LIMIT 1',
    );
    return rows[0]?.id;
  } catch (error) {
    if (codeOf(error) === UNDEFINED_TABLE) return undefined;
    throw toPulseError(error);
  }
}

/**
 * @param note Why it begins; undefined for the first epoch, which is only written when there is none.
 */
export async function beginEpoch(
  pool: Pick<Pool, 'query'>,
  { epoch, note }: { epoch: string; note: string | undefined },
): Promise<void> {
  try {
    await pool.query(
      `INSERT INTO epochs (id, note) SELECT $1, $2::text
       WHERE $2 IS NOT NULL OR NOT EXISTS (SELECT FROM epochs)
       ON CONFLICT (id) DO NOTHING`,
      [epoch, note ?? null],
    );
  } catch (error) {
    throw toPulseError(error);
  }
}
