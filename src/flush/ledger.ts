/** All SQL of the flush: the ledger `flush_batches`, and the rows in `pulses` that belong to it. */
import type { Pool, PoolClient } from 'pg';
import type { SealedBatch } from '../aggregate/accumulator.ts';
import { queryRows, withTransaction } from '../platform/postgres.ts';

/** The columns in the order in which copy-rows.ts writes them. */
export const COPY_ROWS_SQL = `COPY pulses
  (tenant, product_sku, use_unity, window_start, pulse_count, used_amount, flush_batch_id)
  FROM STDIN`;

/** What the ledger has of a batch: the counts of its seal. */
export interface LedgerEntry {
  readonly rowCount: number;
  readonly pulseCount: bigint;
}

/**
 * Creates the month partitions that the batch's windows need.
 *
 * Runs in its own short transaction, before the long one, so that its locks are released at once.
 */
export async function ensurePartitions(pool: Pool, batch: SealedBatch): Promise<void> {
  await withTransaction(pool, (client) =>
    client.query('SELECT ensure_pulses_partitions(to_timestamp($1), to_timestamp($2))', [
      batch.windowMinSec,
      batch.windowMaxSec,
    ]),
  );
}

/**
 * Prepares the transaction of one batch, and tries to take the batch's advisory lock.
 *
 * The lock only saves work: if it is taken, another flush is writing the same batch. It ends with the transaction, so
 * that it cannot outlive its process or leak through a connection pooler. `synchronous_commit` is turned on if the
 * server has it off, because the sums in Redis are deleted after the reply to COMMIT.
 *
 * @returns Whether the lock was free.
 */
export async function claimBatch(
  client: PoolClient,
  { batchId, copyTimeoutMs }: { batchId: string; copyTimeoutMs: number },
): Promise<boolean> {
  const { rows } = await client.query<{ claimed: boolean }>(
    `SELECT set_config('statement_timeout', $1, true),
            set_config('synchronous_commit',
              CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'
                ELSE current_setting('synchronous_commit') END, true),
            pg_try_advisory_xact_lock(hashtextextended($2, 0)) AS claimed`,
    [String(copyTimeoutMs), batchId],
  );
  return rows[0]?.claimed === true;
}

/**
 * Enters the batch in the ledger. The primary key is the fence: a second flush of the same batch, however late, finds
 * the first one's entry, after waiting for its transaction to end.
 *
 * @returns `undefined` if the entry is new; otherwise what a committed flush of the batch entered.
 */
export async function recordBatch(
  client: PoolClient,
  batch: SealedBatch,
): Promise<LedgerEntry | undefined> {
  const { rowCount } = await client.query(
    `INSERT INTO flush_batches
       (id, shard, row_count, pulse_count, window_min, window_max, opened_at)
     VALUES ($1, $2, $3, $4, to_timestamp($5), to_timestamp($6), to_timestamp($7))
     ON CONFLICT (id) DO NOTHING`,
    [
      batch.batchId,
      batch.shard,
      batch.rowCount,
      String(batch.pulseCount),
      batch.windowMinSec,
      batch.windowMaxSec,
      batch.openedAtSec,
    ],
  );
  if (rowCount === 1) return undefined;
  const entry = await findBatch(client, batch.batchId);
  if (entry === undefined) throw new Error('A batch vanished from the ledger.');
  return entry;
}

/** @returns A number below the ids of all rows that are written from now on. */
export async function readLastRowId(client: Pick<PoolClient, 'query'>): Promise<string> {
  const { rows } = await client.query<{ id: string }>(
    "SELECT coalesce(pg_sequence_last_value(pg_get_serial_sequence('pulses', 'id')), 0)::text AS id",
  );
  return rows[0]?.id ?? '0';
}

/**
 * Notes the hours of customers that the batch's rows belong to, so that they are announced. Without customers it reads
 * no row.
 *
 * @param lastRowId Read before the rows were written.
 */
export async function recordHours(
  client: PoolClient,
  { batchId, windowMinSec, windowMaxSec }: SealedBatch,
  lastRowId: string,
): Promise<void> {
  // The rows are added up before the join: the planner knows nothing of rows that are new.
  await client.query(
    `WITH hours AS MATERIALIZED (
       SELECT tenant, date_trunc('hour', window_start, 'UTC') AS hour, sum(pulse_count) AS pulse_count
       FROM pulses
       WHERE id > $2 AND window_start BETWEEN to_timestamp($3) AND to_timestamp($4) AND flush_batch_id = $1
         AND EXISTS (SELECT FROM customers WHERE tenant IS NOT NULL)
       GROUP BY 1, 2
     )
     INSERT INTO flushed_hours (tenant, hour, flush_batch_id, pulse_count)
     SELECT tenant, hour, $1, pulse_count FROM hours JOIN customers USING (tenant)`,
    [batchId, lastRowId, windowMinSec, windowMaxSec],
  );
}

export async function findBatch(
  client: Pick<PoolClient, 'query'>,
  batchId: string,
): Promise<LedgerEntry | undefined> {
  const { rows } = await client.query<{ row_count: string; pulse_count: string }>(
    'SELECT row_count, pulse_count FROM flush_batches WHERE id = $1',
    [batchId],
  );
  const entry = rows[0];
  if (entry === undefined) return undefined;
  return { rowCount: Number(entry.row_count), pulseCount: BigInt(entry.pulse_count) };
}

/** Σ pulse_count of the shard's flushed batches, except those named. */
export async function sumFlushedPulses(
  pool: Pick<Pool, 'query'>,
  { shard, exceptBatchIds }: { shard: number; exceptBatchIds: readonly string[] },
): Promise<bigint> {
  return await querySum(
    pool,
    `SELECT coalesce(sum(pulse_count), 0)::text AS total FROM flush_batches
     WHERE shard = $1 AND id <> ALL ($2::uuid[])`,
    [shard, exceptBatchIds],
  );
}

/** When a flush last committed a batch; null if none ever has. */
export async function readLastFlush(pool: Pick<Pool, 'query'>): Promise<Date | null> {
  const [last] = await queryRows<{ at: Date | null }>(
    pool,
    'SELECT max(flushed_at) AS at FROM flush_batches',
  );
  return last?.at ?? null;
}

/** The pulses in quarantine: received = counted + duplicates + dead letters. */
export async function countDeadLetters(pool: Pick<Pool, 'query'>): Promise<bigint> {
  return await querySum(
    pool,
    'SELECT count(*)::text AS total FROM dead_letters WHERE queue IS NULL',
    [],
  );
}

async function querySum(
  pool: Pick<Pool, 'query'>,
  sql: string,
  values: readonly unknown[],
): Promise<bigint> {
  const [row] = await queryRows<{ total: string }>(pool, sql, values);
  return BigInt(row?.total ?? 0);
}
