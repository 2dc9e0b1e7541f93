/** Table relays, and what is read of graphile-worker's jobs. */
import type { Pool } from 'pg';
import { RELAY_TASKS } from './outbox.ts';

type Queryable = Pick<Pool, 'query'>;

/** A relay that has not reported for so long is dead; several reports must have failed. */
const DEAD_AFTER_SECONDS = 20;

export async function reportRelay(pool: Queryable, id: string): Promise<void> {
  await pool.query(
    `INSERT INTO relays (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET seen_at = now()`,
    [id],
  );
}

export async function removeRelay(pool: Queryable, id: string): Promise<void> {
  await pool.query('DELETE FROM relays WHERE id = $1', [id]);
}

/**
 * Unlocks the jobs of relays that are dead, or were never seen.
 *
 * @returns How many jobs.
 */
export async function takeOverJobs(pool: Queryable): Promise<number> {
  await pool.query(`DELETE FROM relays WHERE seen_at < now() - $1 * interval '1 second'`, [
    DEAD_AFTER_SECONDS,
  ]);
  const { rows } = await pool.query<{ locked_by: string; count: string }>(
    `SELECT locked_by, count(*) AS count FROM graphile_worker.jobs
     WHERE locked_by IS NOT NULL AND locked_at < now() - $1 * interval '1 second'
       AND NOT EXISTS (SELECT FROM relays WHERE relays.id = locked_by)
     GROUP BY locked_by`,
    [DEAD_AFTER_SECONDS],
  );
  if (rows.length === 0) return 0;
  await pool.query('SELECT graphile_worker.force_unlock_workers($1)', [
    rows.map(({ locked_by }) => locked_by),
  ]);
  return rows.reduce((sum, { count }) => sum + Number(count), 0);
}

/**
 * Unlocks the jobs that a live relay has locked, but does not have: Postgres had handed them out, and its
 * answer was lost. graphile-worker has no function for single jobs.
 *
 * @param heldIds The jobs that the relay has.
 * @returns How many jobs.
 */
export async function unlockLostJobs(
  pool: Queryable,
  { relayId, heldIds }: { readonly relayId: string; readonly heldIds: readonly string[] },
): Promise<number> {
  const { rowCount } = await pool.query(
    `UPDATE graphile_worker._private_jobs SET locked_by = NULL, locked_at = NULL
     WHERE locked_by = $1 AND locked_at < now() - $2 * interval '1 second' AND id <> ALL ($3::bigint[])`,
    [relayId, DEAD_AFTER_SECONDS, heldIds],
  );
  return rowCount ?? 0;
}

/** How long a job that failed is put off at most, and how many of them are brought forward at a time. */
const FAILED_DELAY_SECONDS = 60;
const FAILED_JOBS_MAX = 10_000;

/** Brings jobs forward that graphile-worker has put off for longer: after ten failures it waits for six hours. */
export async function hastenFailedJobs(pool: Queryable): Promise<void> {
  await pool.query(
    `UPDATE graphile_worker._private_jobs SET run_at = now() + $2 * interval '1 second'
     WHERE id IN (
       SELECT id FROM graphile_worker._private_jobs
       WHERE last_error IS NOT NULL AND locked_by IS NULL AND run_at > now() + $2 * interval '1 second'
         AND task_id IN (SELECT id FROM graphile_worker._private_tasks WHERE identifier = ANY ($1))
       ORDER BY run_at LIMIT $3 FOR UPDATE SKIP LOCKED)`,
    [Object.values(RELAY_TASKS), FAILED_DELAY_SECONDS, FAILED_JOBS_MAX],
  );
}

/** What waits in the outbox. */
export interface OutboxDepth {
  /** Due, and not published yet; or put off because they could not be published. */
  readonly dueCount: number;
  /** For how long the oldest of them has waited, in seconds; 0 when there is none. */
  readonly oldestSeconds: number;
  /** Scheduled for later, such as retries. */
  readonly delayedCount: number;
}

/** How many small messages for an exchange wait in the outbox. */
export async function countOutboxOf(pool: Queryable, exchange: string): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM graphile_worker._private_jobs
     WHERE task_id = (SELECT id FROM graphile_worker._private_tasks WHERE identifier = $1)
       AND payload->>'exchange' = $2`,
    [RELAY_TASKS.small, exchange],
  );
  return rows[0]?.count ?? 0;
}

/** graphile-worker moves `run_at` of a job that failed, so such a job counts from when it was written. */
export async function readOutboxDepth(pool: Queryable): Promise<OutboxDepth> {
  const { rows } = await pool.query<{ due: string; oldest: string; delayed: string }>(
    `SELECT count(*) FILTER (WHERE is_due) AS due,
       coalesce(extract(epoch FROM now() - min(since) FILTER (WHERE is_due)), 0) AS oldest,
       count(*) FILTER (WHERE NOT is_due) AS delayed
     FROM (
       SELECT run_at <= now() OR last_error IS NOT NULL AS is_due,
         CASE WHEN last_error IS NULL THEN run_at ELSE created_at END AS since
       FROM graphile_worker.jobs WHERE task_identifier = ANY ($1)
     ) AS waiting`,
    [Object.values(RELAY_TASKS)],
  );
  const [row] = rows;
  return {
    dueCount: Number(row?.due),
    oldestSeconds: Number(row?.oldest),
    delayedCount: Number(row?.delayed),
  };
}
