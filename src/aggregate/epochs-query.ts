/** Table epochs: the epochs of this installation; see epoch.ts. */
import type { Pool } from 'pg';
import { codeOf } from '../core/errors.ts';
import { queryRows } from '../platform/postgres.ts';

/** The id of the newest epoch, as a query. */
export const NEWEST_EPOCH = 'SELECT id FROM epochs ORDER BY started_at DESC, id LIMIT 1';

const UNDEFINED_TABLE = '42P01';

/** The newest epoch; undefined before the first start, even in a database without tables. */
export async function readEpoch(pool: Pick<Pool, 'query'>): Promise<string | undefined> {
  try {
    const [newest] = await queryRows<{ id: string }>(pool, NEWEST_EPOCH);
    return newest?.id;
  } catch (error) {
    if (codeOf(error) === UNDEFINED_TABLE) return undefined;
    throw error;
  }
}

/**
 * It is the newest from now on, even if the clock was ahead when the one before began.
 *
 * @param note Why it begins; undefined for the first epoch, which is only written when there is none.
 */
export async function beginEpoch(
  pool: Pick<Pool, 'query'>,
  { epoch, note }: { epoch: string; note: string | undefined },
): Promise<void> {
  await queryRows(
    pool,
    `INSERT INTO epochs (id, note, started_at)
     SELECT $1, $2::text, greatest(clock_timestamp(),
       (SELECT max(started_at) + interval '1 microsecond' FROM epochs))
     WHERE $2 IS NOT NULL OR NOT EXISTS (SELECT FROM epochs)
     ON CONFLICT (id) DO NOTHING`,
    [epoch, note ?? null],
  );
}
