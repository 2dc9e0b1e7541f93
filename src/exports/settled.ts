/** When an instant is settled: no transaction can still commit rows from before it. */
import type { Pool } from 'pg';
import { sleep } from '../platform/backoff.ts';
import { ExportFailure } from './exports.ts';

type Queryable = Pick<Pool, 'query'>;

/** Between the instant and the look at the transactions in progress: one that reads the clock has a number by then. */
const MARGIN_MS = 500;
const POLL_MS = 200;
const WAIT_MAX_MS = 600_000;

/**
 * Waits until every transaction that was in progress shortly after the instant has ended, so that a snapshot from then on
 * holds every row from before the instant that there will ever be.
 *
 * @throws ExportFailure A transaction goes on for ten minutes.
 */
export async function untilSettled(
  pool: Queryable,
  asOf: Date,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    const leftMs = await readLeft(pool, asOf);
    if (leftMs <= 0) break;
    await sleep(Math.min(leftMs, POLL_MS), signal);
    signal.throwIfAborted();
  }
  const xid = await readNextTransaction(pool);
  const endMs = performance.now() + WAIT_MAX_MS;
  while (!(await isSettled(pool, xid))) {
    if (performance.now() >= endMs) {
      const detail = 'A transaction that began before as_of has not ended for ten minutes.';
      throw new ExportFailure('as_of_not_settled', detail);
    }
    await sleep(POLL_MS, signal);
    signal.throwIfAborted();
  }
}

async function readLeft(pool: Queryable, asOf: Date): Promise<number> {
  const { rows } = await pool.query<{ ms: number }>(
    'SELECT extract(epoch FROM $1::timestamptz - clock_timestamp())::float8 * 1000 + $2 AS ms',
    [asOf, MARGIN_MS],
  );
  return rows[0]?.ms ?? 0;
}

/** Every transaction in progress has a lower number. */
async function readNextTransaction(pool: Queryable): Promise<string> {
  const { rows } = await pool.query<{ xid: string }>(
    'SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS xid',
  );
  return rows[0]?.xid ?? '0';
}

async function isSettled(pool: Queryable, xid: string): Promise<boolean> {
  const { rows } = await pool.query<{ settled: boolean }>(
    'SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::xid8 AS settled',
    [xid],
  );
  return rows[0]?.settled === true;
}
