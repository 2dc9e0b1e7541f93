/** The only SQL on table exports besides that of lease-query.ts. */
import type { Pool } from 'pg';
import { shareOf, tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { onlyRow } from '../platform/postgres.ts';
import type { Export, ExportRequest, ExportState } from './exports.ts';

export type Queryable = Pick<Pool, 'query'>;

/** A row as `Export`. */
export const EXPORT = `
  id, tenants, created_by AS "createdBy", report, parameters, format, gzip, spreadsheet, as_of AS "asOf", state,
  fence, attempt_count AS "attemptCount", steps, rows_estimated::float8 AS "rowsEstimated",
  rows_written::float8 AS "rowsWritten", row_count::float8 AS "rowCount", byte_count::float8 AS "byteCount",
  sha256, sums, failure_code AS "failureCode", failure_detail AS "failureDetail", created_at AS "createdAt",
  started_at AS "startedAt", ended_at AS "endedAt", expires_at AS "expiresAt"`;

const CURSOR = `(extract(epoch FROM created_at) * 1000000)::bigint || '.' || id AS cursor`;

export interface NewExport extends ExportRequest {
  readonly id: string;
  readonly scope: TenantScope;
  readonly createdBy: string;
}

/** Until the transaction ends, no caller with the same tenants asks for another export. */
export async function lockShare(client: Queryable, share: string): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('exports of ' || $1, 0))", [
    share,
  ]);
}

/** How many exports are queued or running, how many have a file besides, and what the files take. */
interface ExportLoad {
  readonly ofShare: {
    readonly openCount: number;
    readonly readyCount: number;
    readonly bytes: number;
  };
  readonly inAll: { readonly openCount: number; readonly bytes: number };
}

export async function readLoad(client: Queryable, share: string): Promise<ExportLoad> {
  const { rows } = await client.query<
    Record<'own' | 'ownReady' | 'all' | 'ownBytes' | 'allBytes', number>
  >(
    `SELECT count(*) FILTER (WHERE state <> 'ready' AND share = $1)::int AS own,
       count(*) FILTER (WHERE state = 'ready' AND share = $1)::int AS "ownReady",
       count(*) FILTER (WHERE state <> 'ready')::int AS all,
       coalesce(sum(coalesce(byte_count, bytes_written)) FILTER (WHERE share = $1), 0)::float8 AS "ownBytes",
       coalesce(sum(coalesce(byte_count, bytes_written)), 0)::float8 AS "allBytes"
     FROM exports WHERE state IN ('queued', 'running', 'ready')`,
    [share],
  );
  const { own, ownReady, all, ownBytes, allBytes } = onlyRow(rows);
  return {
    ofShare: { openCount: own, readyCount: ownReady, bytes: ownBytes },
    inAll: { openCount: all, bytes: allBytes },
  };
}

/** Postgres' clock, to the millisecond. */
export async function readNow(client: Queryable): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>(
    `SELECT date_trunc('milliseconds', clock_timestamp()) AS now`,
  );
  return rows[0]?.now ?? new Date();
}

export async function insertExport(client: Queryable, given: NewExport): Promise<Export> {
  const { rows } = await client.query<Export>(
    `INSERT INTO exports
       (id, tenants, share, created_by, report, parameters, format, gzip, spreadsheet, as_of)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ${EXPORT}`,
    [
      given.id,
      tenantsOf(given.scope) ?? null,
      shareOf(given.scope),
      given.createdBy,
      given.report,
      JSON.stringify(given.parameters),
      given.format,
      given.gzip,
      given.spreadsheet,
      given.asOf,
    ],
  );
  return onlyRow(rows);
}

export async function readExport(client: Queryable, id: string): Promise<Export | undefined> {
  const { rows } = await client.query<Export>(`SELECT ${EXPORT} FROM exports WHERE id = $1`, [id]);
  return rows[0];
}

interface ExportFilters {
  readonly state?: ExportState | undefined;
  readonly report?: string | undefined;
}

/** A page ends early when what was asked takes more. */
const PAGE_BYTES_MAX = 4 * 1024 * 1024;

/** Newest first. */
export async function listExports(
  client: Queryable,
  { state, report }: ExportFilters,
  { limit, after }: { readonly limit: number; readonly after: string | undefined },
): Promise<{ readonly data: readonly Export[]; readonly next: string | null }> {
  const [us, id] = after?.split('.') ?? [];
  const { rows } = await client.query<Export & { cursor: string; isBeyond: boolean }>(
    `WITH page AS (
       SELECT id, sum(size) OVER newest AS bytes, size, row_number() OVER newest AS place
       FROM (
         SELECT id, created_at, octet_length(parameters::text) + coalesce(octet_length(array_to_json(tenants)::text), 0) AS size
         FROM exports
         WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR report = $2)
           AND ($3::bigint IS NULL
             OR (created_at, id) < (to_timestamp(0) + make_interval(secs => $3::bigint / 1000000.0), $4::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $5
       ) AS found
       WINDOW newest AS (ORDER BY created_at DESC, id DESC)
     )
     SELECT ${EXPORT}, ${CURSOR}, place > $5 - 1 OR (bytes > $6 AND place > 1) AS "isBeyond"
     FROM page JOIN exports USING (id) WHERE place = 1 OR bytes - size <= $6 ORDER BY place`,
    [state ?? null, report ?? null, us ?? null, id ?? null, limit + 1, PAGE_BYTES_MAX],
  );
  const data = rows.filter(({ isBeyond }) => !isBeyond);
  return { data, next: data.length < rows.length ? (data.at(-1)?.cursor ?? null) : null };
}

/** Cancels what is queued or running, and expires what is ready. @returns The export as it is then. */
export async function endExport(client: Queryable, id: string): Promise<Export | undefined> {
  const { rows } = await client.query<Export>(
    `UPDATE exports SET
       state = CASE WHEN state = 'ready' THEN 'expired' ELSE 'canceled' END, lease_until = NULL, bytes_written = 0,
       ended_at = CASE WHEN state = 'ready' THEN ended_at ELSE clock_timestamp() END,
       expires_at = CASE WHEN state = 'ready' THEN clock_timestamp() END
     WHERE id = $1 AND state IN ('queued', 'running', 'ready') RETURNING ${EXPORT}`,
    [id],
  );
  return rows[0] ?? readExport(client, id);
}

/** Expires what is due. @returns Those that it expired. */
export async function expireExports(client: Queryable, limit: number): Promise<Export[]> {
  const { rows } = await client.query<Export>(
    `UPDATE exports SET state = 'expired' WHERE id IN (
       SELECT id FROM exports WHERE state = 'ready' AND expires_at <= clock_timestamp()
       ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
     RETURNING ${EXPORT}`,
    [limit],
  );
  return rows;
}

/** Deletes exports that ended long ago. Their files are gone by then. */
export async function deleteOldExports(
  client: Queryable,
  { days, limit }: { readonly days: number; readonly limit: number },
): Promise<void> {
  await client.query(
    `DELETE FROM exports WHERE id IN (
       SELECT id FROM exports WHERE state IN ('failed', 'canceled', 'expired')
         AND greatest(ended_at, expires_at) < clock_timestamp() - make_interval(days => $1)
       LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    [days, limit],
  );
}

/** Deletes the oldest ended exports of a share, up to `limit`, so that `kept` remain. Ended ones never change. */
export async function trimEnded(
  client: Queryable,
  share: string,
  { kept, limit }: { readonly kept: number; readonly limit: number },
): Promise<void> {
  await client.query(
    `DELETE FROM exports WHERE id IN (
       SELECT id FROM exports WHERE share = $1 AND state IN ('failed', 'canceled', 'expired')
       ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT $3)`,
    [share, kept, limit],
  );
}

/** Of these attempts, those whose files are still needed, as `id.fence`. */
export async function findNeeded(
  client: Queryable,
  attempts: readonly { readonly id: string; readonly fence: number }[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ key: string }>(
    `SELECT exports.id || '.' || exports.fence AS key
     FROM exports JOIN unnest($1::uuid[], $2::integer[]) AS found (id, fence) USING (id, fence)
     WHERE state IN ('running', 'ready')`,
    [attempts.map(({ id }) => id), attempts.map(({ fence }) => fence)],
  );
  return new Set(rows.map(({ key }) => key));
}

/** What waits, for metrics. */
export interface ExportDepth {
  /** Or left by an exporter that has died. */
  readonly queued: number;
  /** An exporter has the lease. */
  readonly running: number;
  /** Since the oldest of them was requested. */
  readonly oldestSeconds: number;
  readonly readyBytes: number;
}

export async function readDepth(client: Queryable): Promise<ExportDepth> {
  const { rows } = await client.query<ExportDepth>(
    `SELECT count(*) FILTER (WHERE state = 'queued' OR state = 'running' AND lease_until < now())::int AS queued,
       count(*) FILTER (WHERE state = 'running' AND lease_until >= now())::int AS running,
       coalesce(extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state <> 'ready')), 0)::float8 AS "oldestSeconds",
       coalesce(sum(byte_count) FILTER (WHERE state = 'ready'), 0)::float8 AS "readyBytes"
     FROM exports WHERE state IN ('queued', 'running', 'ready')`,
  );
  return onlyRow(rows);
}
