/** The only SQL on table populate_runs. */
import type { Pool, QueryResultRow } from 'pg';
import type { PopulateProgress, PopulateState } from './populate.ts';

type Queryable = Pick<Pool, 'query'>;

/** A run as any process can read it; retries and rate are known only to the process that runs it. */
export interface StoredPopulateRun extends Omit<PopulateProgress, 'retried' | 'ratePerSecond'> {
  /** When the progress was stored. */
  readonly updatedAt: Date;
}

/** A running run that has not reported for longer than this has lost its process. */
const STALE_SECONDS = 15;

const COLUMNS = `id, total, workers, buffer, pulses_per_message, published, confirmed, error,
  started_at, updated_at, finished_at,
  CASE WHEN state = 'running' AND updated_at < now() - make_interval(secs => ${STALE_SECONDS})
    THEN 'interrupted' ELSE state END AS state`;

/** Stores a run that has just started. Times come from Postgres, so that they can be compared. */
export async function insertPopulateRun(
  pool: Queryable,
  { id, state, total, workers, buffer, pulsesPerMessage }: PopulateProgress,
): Promise<StoredPopulateRun> {
  const { rows } = await pool.query(
    `INSERT INTO populate_runs (id, state, total, workers, buffer, pulses_per_message)
     VALUES ($1, $2, $3, $4, $5, $6)
     RETURNING ${COLUMNS}`,
    [id, state, total, workers, buffer, pulsesPerMessage],
  );
  return fromRow((rows as [QueryResultRow])[0]);
}

export async function updatePopulateRun(
  pool: Queryable,
  { id, state, published, confirmed, error }: PopulateProgress,
): Promise<void> {
  await pool.query(
    `UPDATE populate_runs
     SET state = $2, published = $3, confirmed = $4, error = $5, updated_at = now(),
       finished_at = CASE WHEN $2 = 'running' THEN NULL ELSE now() END
     WHERE id = $1`,
    [id, state, published, confirmed, error],
  );
}

/** @param id A UUID. */
export async function findPopulateRun(
  pool: Queryable,
  id: string,
): Promise<StoredPopulateRun | undefined> {
  const { rows } = await pool.query(`SELECT ${COLUMNS} FROM populate_runs WHERE id = $1`, [id]);
  const [row] = rows as QueryResultRow[];
  return row === undefined ? undefined : fromRow(row);
}

function fromRow(row: QueryResultRow): StoredPopulateRun {
  return {
    id: row.id as string,
    state: row.state as PopulateState,
    total: Number(row.total),
    workers: row.workers as number,
    buffer: row.buffer as number,
    pulsesPerMessage: row.pulses_per_message as number,
    published: Number(row.published),
    confirmed: Number(row.confirmed),
    error: row.error as string | null,
    startedAt: row.started_at as Date,
    updatedAt: row.updated_at as Date,
    finishedAt: row.finished_at as Date | null,
  };
}
