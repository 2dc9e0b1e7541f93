/** Tables that are partitioned by month: months that are too old are dropped, each in an instant and for good. */
import type { Pool } from 'pg';
import { toPulseError } from './postgres.ts';

type Queryable = Pick<Pool, 'query'>;

/**
 * The months of a table that hold nothing at or after `before`, the oldest first, such as `messages_2026_11`. Also those
 * that were detached and not dropped yet.
 */
export async function listMonthsBefore(
  client: Queryable,
  table: string,
  before: Date,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_catalog.pg_class
     WHERE relnamespace = (SELECT relnamespace FROM pg_catalog.pg_class WHERE oid = $1::regclass)
       AND relkind = 'r' AND relname ~ ('^' || $1 || '_[0-9]{4}_[0-9]{2}$') ORDER BY relname COLLATE "C"`,
    [table],
  );
  const firstKept = `${table}_${before.toISOString().slice(0, 7).replace('-', '_')}`;
  return rows.map(({ name }) => name).filter((name) => name < firstKept);
}

/**
 * Drops months of a table. Nobody who reads or writes other months waits for it: each is detached first, without a lock
 * that would keep them out. If the process dies in between, the month is listed again.
 *
 * @returns Those that it dropped itself; none while another process drops months.
 * @throws TransientError Somebody still reads the month; try again later.
 */
export async function dropMonths(
  pool: Pick<Pool, 'connect'>,
  table: string,
  months: readonly string[],
): Promise<string[]> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    const { rows } = await client.query<{ isMine: boolean }>(
      `SELECT pg_try_advisory_lock(${LOCK}) AS "isMine"`,
    );
    if (rows[0]?.isMine !== true) return [];
    const dropped: string[] = [];
    for (const month of months) {
      if (await dropMonth(client, table, month)) dropped.push(month);
    }
    return dropped;
  } catch (error) {
    broken = toPulseError(error);
    throw broken;
  } finally {
    // The lock ends with the session if the connection broke.
    if (broken === undefined) await client.query(`SELECT pg_advisory_unlock(${LOCK})`);
    client.release(broken);
  }
}

const LOCK = "hashtextextended('pulse retention', 0)";

async function dropMonth(client: Queryable, table: string, month: string): Promise<boolean> {
  const { rows } = await client.query<{ pending: boolean | null }>(
    `SELECT inhdetachpending AS pending
     FROM pg_catalog.pg_class LEFT JOIN pg_catalog.pg_inherits ON inhrelid = oid AND inhparent = $1::regclass
     WHERE oid = to_regclass($2)`,
    [table, month],
  );
  const [found] = rows;
  // Another process may have dropped it since the months were listed.
  if (found === undefined) return false;
  if (found.pending !== null) {
    const how = found.pending ? 'FINALIZE' : 'CONCURRENTLY';
    await client.query(`ALTER TABLE ${table} DETACH PARTITION ${month} ${how}`);
  }
  await client.query(`DROP TABLE ${month}`);
  return true;
}
