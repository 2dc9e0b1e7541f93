/** Table exports for those who work on them: the lease, the steps and the end. */
import type { Export, ExportStep } from './exports.ts';
import { EXPORT, type Queryable } from './exports-query.ts';
import type { WrittenFile } from './manifest.ts';

/** Who works on an export, and until when. Changes by those whose fence is not the newest are refused. */
export interface Lease {
  readonly id: string;
  readonly fence: number;
}

/**
 * Takes the export that has waited longest, of those whose callers have the fewest in progress: one that is queued, or
 * one whose worker has not renewed its lease.
 */
export async function claimExport(
  client: Queryable,
  leaseMs: number,
  sharesLeftOut: readonly string[] = [],
): Promise<Export | undefined> {
  const { rows } = await client.query<Export>(
    `UPDATE exports SET state = 'running', fence = fence + 1, attempt_count = attempt_count + 1,
       lease_until = clock_timestamp() + make_interval(secs => $1 / 1000.0), steps = '[]',
       rows_written = 0, bytes_written = 0, started_at = coalesce(started_at, clock_timestamp())
     WHERE id = (
       SELECT id FROM exports one
       WHERE state IN ('queued', 'running')
         AND (state = 'queued' AND not_before <= clock_timestamp() OR state = 'running' AND lease_until < clock_timestamp())
         AND share <> ALL ($2::text[])
       ORDER BY (SELECT count(*) FROM exports other
           WHERE other.state = 'running' AND other.lease_until >= clock_timestamp() AND other.share = one.share),
         created_at
       LIMIT 1 FOR UPDATE SKIP LOCKED)
     RETURNING ${EXPORT}`,
    [leaseMs, sharesLeftOut],
  );
  return rows[0];
}

const HELD = `id = $1 AND fence = $2 AND state = 'running'`;

/** @returns False when the lease is lost, or the export was canceled. */
export async function renewLease(
  client: Queryable,
  { id, fence }: Lease,
  renewal: { readonly leaseMs: number; readonly rows: number; readonly bytes: number },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE exports SET lease_until = clock_timestamp() + make_interval(secs => $3 / 1000.0),
       rows_written = $4, bytes_written = $5
     WHERE ${HELD}`,
    [id, fence, renewal.leaseMs, renewal.rows, renewal.bytes],
  );
  return rowCount === 1;
}

/** Ends the step before and begins another. @returns False when the lease is lost. */
export async function beginStep(
  client: Queryable,
  { id, fence }: Lease,
  { step, rowsEstimated }: { readonly step: ExportStep; readonly rowsEstimated?: number },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE exports SET rows_estimated = coalesce($4, rows_estimated),
       steps = ${ENDED_STEPS} || json_build_array(json_build_object(
         'step', $3::text, 'started_at', ${NOW_TEXT}, 'ended_at', NULL))::jsonb
     WHERE ${HELD}`,
    [id, fence, step, rowsEstimated ?? null],
  );
  return rowCount === 1;
}

const NOW_TEXT = `to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
/** The last step has ended now. */
const ENDED_STEPS = `CASE WHEN jsonb_array_length(steps) = 0 THEN steps ELSE
  jsonb_set(steps, '{-1,ended_at}', to_jsonb(${NOW_TEXT})) END`;

/** @returns The export as it is then; undefined when the lease is lost. */
export async function completeExport(
  client: Queryable,
  { id, fence }: Lease,
  { written, ttlHours }: { readonly written: WrittenFile; readonly ttlHours: number },
): Promise<Export | undefined> {
  const { rowCount, byteCount, sha256, sums } = written;
  const { rows } = await client.query<Export>(
    `UPDATE exports SET state = 'ready', lease_until = NULL, steps = ${ENDED_STEPS}, rows_written = $3, bytes_written = $4,
       row_count = $3, byte_count = $4, sha256 = $5, sums = $6, ended_at = clock_timestamp(),
       expires_at = clock_timestamp() + make_interval(hours => $7)
     WHERE ${HELD} RETURNING ${EXPORT}`,
    [id, fence, rowCount, byteCount, sha256, JSON.stringify(sums), ttlHours],
  );
  return rows[0];
}

/** @returns False when the lease is lost. */
export async function failExport(
  client: Queryable,
  { id, fence }: Lease,
  { code, detail }: { readonly code: string; readonly detail: string },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE exports SET state = 'failed', lease_until = NULL, failure_code = $3, failure_detail = left($4, 1000),
       bytes_written = 0, ended_at = clock_timestamp()
     WHERE ${HELD}`,
    [id, fence, code, detail],
  );
  return rowCount === 1;
}

/**
 * Leaves it to others, who may claim it after `delayMs`.
 *
 * @param isAttempt Whether it counts as one that failed.
 * @returns False when the lease is lost, or the export is ready.
 */
export async function releaseExport(
  client: Queryable,
  { id, fence }: Lease,
  { delayMs, isAttempt }: { readonly delayMs: number; readonly isAttempt: boolean },
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE exports SET state = 'queued', lease_until = NULL, bytes_written = 0,
       attempt_count = attempt_count - CASE WHEN $4 THEN 0 ELSE 1 END,
       not_before = clock_timestamp() + make_interval(secs => $3 / 1000.0)
     WHERE ${HELD}`,
    [id, fence, delayMs, isAttempt],
  );
  return rowCount === 1;
}
