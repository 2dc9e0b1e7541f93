/** Table flushed_hours, which the flush writes: the only SQL that reads it. */
import type { ClientBase } from 'pg';

/** The usage of a tenant in an hour, as far as it has been flushed since the last time that it was taken. */
export interface FlushedHour {
  /** A customer's id. */
  readonly client: string;
  readonly tenant: string;
  readonly hour: Date;
  readonly pulseCount: string;
}

/** For how long an hour has waited to be announced, in seconds; 0 when none does. Of many, some tell. */
export async function readUnannouncedSeconds(client: Pick<ClientBase, 'query'>): Promise<number> {
  const { rows } = await client.query<{ seconds: number | null }>(
    `SELECT extract(epoch FROM clock_timestamp() - min(greatest(hour + interval '1 hour', flushed_at)))::float8 AS seconds
     FROM (SELECT hour, flush_batch_id FROM flushed_hours WHERE hour <= now() - interval '1 hour' LIMIT 100) AS waiting
     JOIN flush_batches ON flush_batches.id = flush_batch_id`,
  );
  return rows[0]?.seconds ?? 0;
}

/**
 * Takes hours that have ended out of the table, in the caller's transaction. Another process takes others.
 *
 * @param limit Of rows; several batches may have a part in an hour.
 */
export async function takeFlushedHours(
  client: Pick<ClientBase, 'query'>,
  limit: number,
): Promise<{ readonly rowCount: number; readonly hours: FlushedHour[] }> {
  const { rows } = await client.query<FlushedHour & { readonly parts: number }>(
    `WITH taken AS (
       DELETE FROM flushed_hours WHERE (tenant, hour, flush_batch_id) IN (
         SELECT tenant, hour, flush_batch_id FROM flushed_hours
         WHERE hour <= now() - interval '1 hour'
         ORDER BY tenant, hour LIMIT $1 FOR UPDATE SKIP LOCKED)
       RETURNING tenant, hour, pulse_count
     )
     SELECT customers.id AS client, tenant, hour, sum(pulse_count)::text AS "pulseCount", count(*)::int AS parts
     FROM taken LEFT JOIN customers USING (tenant)
     GROUP BY client, tenant, hour ORDER BY tenant, hour`,
    [limit],
  );
  return {
    rowCount: rows.reduce((sum, { parts }) => sum + parts, 0),
    // A tenant that has no customer any more has nobody to tell.
    hours: rows.filter(({ client: id }) => (id as string | null) !== null),
  };
}
