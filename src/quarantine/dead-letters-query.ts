/** Table dead_letters: the only place, beside its migration, that knows its columns. */
import type { Pool, QueryResultRow } from 'pg';
import type { RejectionReason } from '../core/rejection.ts';
import type { DeadLetter } from './dead-letter.ts';

/** A dead letter as it is listed; without the body, which may be large. */
export interface DeadLetterRow {
  readonly id: string;
  readonly reason: RejectionReason;
  readonly detail: string;
  readonly bodyBytes: number;
  readonly messageId: string | null;
  readonly pulseIndex: number | null;
  readonly receivedAt: Date;
}

type Queryable = Pick<Pool, 'query'>;

/**
 * Inserts in one statement; a dead letter that is there already is left as it is.
 *
 * @returns The reasons of those that were new.
 */
export async function insertDeadLetters(
  pool: Queryable,
  deadLetters: readonly DeadLetter[],
): Promise<RejectionReason[]> {
  const column = <K extends keyof DeadLetter>(name: K): DeadLetter[K][] =>
    deadLetters.map((deadLetter) => deadLetter[name]);
  const { rows } = await pool.query<{ reason: RejectionReason }>(
    `INSERT INTO dead_letters
       (id, reason, detail, body, headers, message_id, pulse_index, exchange, routing_key, redelivered)
     SELECT id, reason, detail, body, headers::jsonb, message_id, pulse_index, exchange, routing_key, redelivered
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::text[],
                 $6::text[], $7::integer[], $8::text[], $9::text[], $10::boolean[])
       AS given(id, reason, detail, body, headers, message_id, pulse_index, exchange, routing_key, redelivered)
     ON CONFLICT (id) DO NOTHING
     RETURNING reason`,
    [
      column('id'),
      column('reason'),
      column('detail'),
      column('body'),
      column('headersJson'),
      column('messageId'),
      column('pulseIndex'),
      column('exchange'),
      column('routingKey'),
      column('redelivered'),
    ],
  );
  return rows.map(({ reason }) => reason);
}

/** How many dead letters there are, in total and by reason; reasons without any are left out. */
export async function countDeadLetters(
  pool: Queryable,
): Promise<{ total: number; byReason: Partial<Record<RejectionReason, number>> }> {
  const { rows } = await pool.query<{ reason: RejectionReason; count: string }>(
    'SELECT reason, count(*) AS count FROM dead_letters GROUP BY reason ORDER BY reason',
  );
  const byReason = Object.fromEntries(rows.map(({ reason, count }) => [reason, Number(count)]));
  return { total: rows.reduce((sum, { count }) => sum + Number(count), 0), byReason };
}

/** Newest first. `limit` 1 to 1,000. */
export async function listDeadLetters(
  pool: Queryable,
  options: { limit: number; offset?: number; reason?: RejectionReason },
): Promise<DeadLetterRow[]> {
  const { rows } = await pool.query(
    `SELECT id, reason, detail, octet_length(body) AS body_bytes, message_id, pulse_index, received_at
     FROM dead_letters
     WHERE $3::text IS NULL OR reason = $3
     ORDER BY received_at DESC, id DESC
     LIMIT $1 OFFSET $2`,
    [options.limit, options.offset ?? 0, options.reason ?? null],
  );
  return rows.map(fromRow);
}

function fromRow(row: QueryResultRow): DeadLetterRow {
  return {
    id: row.id as string,
    reason: row.reason as RejectionReason,
    detail: row.detail as string,
    bodyBytes: row.body_bytes as number,
    messageId: row.message_id as string | null,
    pulseIndex: row.pulse_index as number | null,
    receivedAt: row.received_at as Date,
  };
}
