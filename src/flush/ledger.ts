/** All SQL of the flush: the ledger `flush_batches`, and the rows in `pulses` that belong to it. */
import type { Pool, PoolClient } from 'pg';
import type { SealedBatch } from '../aggregate/accumulator.ts';
import { queryRows, withTransaction } from '../platform/postgres.ts';
import type { BlockCount } from './row-encoder.ts';

/** The columns in the order in which row-encoder.ts writes them. */
export const COPY_ROWS_SQL = `COPY pulses
  (id, tenant, product_sku, use_unity, window_start, pulse_count, used_amount, flush_batch_id)
  FROM STDIN (FORMAT binary)`;

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
 * Enters the batch in the ledger, and takes as many ids as it has rows, which no other flush gets. The primary key is the fence: a second flush of the same batch, however late, finds
 * the first one's entry, after waiting for its transaction to end.
 *
 * @returns The first of the ids if the entry is new; otherwise what a committed flush of the batch entered.
 */
export async function recordBatch(
  client: PoolClient,
  batch: SealedBatch,
): Promise<number | LedgerEntry> {
  const { rows } = await client.query<{ first_id: string }>(
    `INSERT INTO flush_batches
       (id, shard, row_count, pulse_count, window_min, window_max, opened_at, first_id)
     VALUES ($1, $2, $3, $4, to_timestamp($5), to_timestamp($6), to_timestamp($7), take_pulse_ids($3))
     ON CONFLICT (id) DO NOTHING RETURNING first_id`,
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
  const [taken] = rows;
  if (taken !== undefined) return Number(taken.first_id);
  const entry = await findBatch(client, batch.batchId);
  if (entry === undefined) throw new Error('A batch vanished from the ledger.');
  return entry;
}

/** Enters where the batch's rows are, so that pages of them are found without counting. */
export async function recordBlocks(
  client: PoolClient,
  { batchId }: SealedBatch,
  blocks: readonly BlockCount[],
): Promise<void> {
  await client.query(
    `INSERT INTO pulse_blocks (flush_batch_id, block, month, row_count, window_min, window_max)
     SELECT $1, block, month, row_count, to_timestamp(window_min), to_timestamp(window_max)
     FROM unnest($2::bigint[], $3::date[], $4::integer[], $5::bigint[], $6::bigint[])
       AS counted (block, month, row_count, window_min, window_max)`,
    [
      batchId,
      blocks.map(({ block }) => block),
      blocks.map(({ month }) => month),
      blocks.map(({ rowCount }) => rowCount),
      blocks.map(({ windowMinSec }) => windowMinSec),
      blocks.map(({ windowMaxSec }) => windowMaxSec),
    ],
  );
}

/**
 * Notes the hours of customers that the batch's rows belong to, so that they are announced. Without customers it reads
 * no row.
 *
 * @param firstId That of the batch's first row; its others follow.
 */
export async function recordHours(
  client: PoolClient,
  { batchId, rowCount, windowMinSec, windowMaxSec }: SealedBatch,
  firstId: number,
): Promise<void> {
  // The rows are added up before the join: the planner knows nothing of rows that are new.
  await client.query(
    `WITH hours AS MATERIALIZED (
       SELECT tenant, date_trunc('hour', window_start, 'UTC') AS hour, sum(pulse_count) AS pulse_count
       FROM pulses
       WHERE id BETWEEN $2 AND $3 AND window_start BETWEEN to_timestamp($4) AND to_timestamp($5)
         AND EXISTS (SELECT FROM customers WHERE tenant IS NOT NULL)
       GROUP BY 1, 2
     )
     INSERT INTO flushed_hours (tenant, hour, flush_batch_id, pulse_count)
     SELECT tenant, hour, $1, pulse_count FROM hours JOIN customers USING (tenant)`,
    [batchId, firstId, firstId + rowCount - 1, windowMinSec, windowMaxSec],
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
