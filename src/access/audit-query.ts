/** Reads table audit_log, and deletes old refusals from it. */
import type { Pool } from 'pg';
import type { Span } from '../http/instants.ts';
import { onlyRow, withTransaction } from '../platform/postgres.ts';
import { REFUSALS, type AuditAction, type AuditSource } from './audit.ts';

export interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly action: string;
  readonly actor: string | null;
  readonly via: AuditSource['via'];
  readonly address: string | null;
  readonly requestId: string | null;
  readonly subject: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly cursor: string;
}

/** What is undefined does not restrict. */
export interface AuditFilters extends Partial<Span> {
  readonly actor?: string | undefined;
  readonly action?: AuditAction | undefined;
  readonly subject?: string | undefined;
}

/** Changes are kept for ever, and filters that few rows match together have no index of their own. */
const TIMEOUT_MS = 5_000;

/**
 * Entries, newest first.
 *
 * @throws TransientError It took too long, or Postgres is unavailable.
 */
export async function listAudit(
  pool: Pick<Pool, 'connect'>,
  filters: AuditFilters,
  page: AuditPage,
): Promise<AuditRow[]> {
  const { text, values } = auditStatement(filters, page);
  const begin = `BEGIN READ ONLY; SET LOCAL statement_timeout = ${TIMEOUT_MS}`;
  const read = await withTransaction(pool, (client) => client.query<AuditRow>(text, values), begin);
  return read.rows;
}

export interface AuditPage {
  readonly limit: number;
  /** The cursor of the last entry of the page before. */
  readonly after: string | undefined;
}

export function auditStatement(filters: AuditFilters, { limit, after }: AuditPage) {
  const instant = (ms: number | undefined) => (ms === undefined ? null : new Date(ms));
  // The index is on the beginning of the subject, because a whole path may be too long for one.
  const text = `
    SELECT id, at, action, actor, via, address, request_id AS "requestId", subject, details,
           (extract(epoch FROM at) * 1000000)::bigint || '.' || id AS cursor
    FROM audit_log
    WHERE ($1::text IS NULL OR actor = $1) AND ($2::text IS NULL OR action = $2)
      AND ($3::text IS NULL OR (left(subject, 100) = left($3, 100) AND subject = $3))
      AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
      AND ($6::text IS NULL OR (at, id) < (timestamptz 'epoch' +
        split_part($6, '.', 1)::bigint * interval '1 microsecond', split_part($6, '.', 2)::bigint))
    ORDER BY at DESC, id DESC LIMIT $7`;
  const { actor = null, action = null, subject = null, fromMs, toMs } = filters;
  const span = [instant(fromMs), instant(toMs)];
  return { text, values: [actor, action, subject, ...span, after ?? null, limit] };
}

/** How many refusals are older. */
export async function countRefusals(pool: Pick<Pool, 'query'>, days: number): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM audit_log
     WHERE action = ANY ($1) AND at < now() - make_interval(days => $2)`,
    [REFUSALS, days],
  );
  return onlyRow(rows).count;
}

/** Of one action, so that the index leads to the oldest. @returns How many are deleted. */
export async function deleteRefusals(
  client: Pick<Pool, 'query'>,
  { action, days, limit }: { action: (typeof REFUSALS)[number]; days: number; limit: number },
): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM audit_log WHERE id = ANY (ARRAY(
       SELECT id FROM audit_log WHERE action = $1 AND at < now() - make_interval(days => $2)
       ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED))`,
    [action, days, limit],
  );
  return rowCount ?? 0;
}
