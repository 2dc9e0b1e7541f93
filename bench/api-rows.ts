/** A database after a year of use. Postgres generates it, because COPY from here would take minutes. */
import type { Pool } from 'pg';
import { HOUR_SECONDS, windowStartSec } from '../src/core/window.ts';

export interface ApiRowsOptions {
  readonly rowCount: number;
  readonly timeMs: number;
  readonly tell: (line: string) => void;
}

/** Rows per flush batch. Each batch covers one hour, and the batches before it cover the hours before. */
const ROWS_PER_BATCH = 20_000;
const ROWS_PER_LINE = 1_000_000;
const TENANTS = 1_000;

/** Rows of 1,000 tenants with 200 SKUs and units each, and their ledger entries. */
export async function fillApiRows(
  pool: Pool,
  { rowCount, timeMs, tell }: ApiRowsOptions,
): Promise<void> {
  const batchCount = rowCount / ROWS_PER_BATCH;
  const lastWindow = windowStartSec(timeMs, HOUR_SECONDS);
  const firstWindow = lastWindow - (batchCount - 1) * 3600;
  await pool.query('SELECT ensure_pulses_partitions(to_timestamp($1), to_timestamp($2))', [
    firstWindow,
    lastWindow,
  ]);
  for (let batch = 0; batch < batchCount; batch++) {
    await pool.query(BATCH, [batch, ROWS_PER_BATCH, firstWindow]);
    const rows = (batch + 1) * ROWS_PER_BATCH;
    if (rows % ROWS_PER_LINE === 0) tell(`${rows} of ${rowCount} rows are in Postgres.`);
  }
  // As autovacuum leaves it after a while.
  await pool.query('VACUUM ANALYZE pulses');
  await pool.query('VACUUM ANALYZE flush_batches');
}

const BATCH = `
  WITH batch AS (
    INSERT INTO flush_batches
      (id, shard, row_count, pulse_count, window_min, window_max, opened_at, flushed_at)
    SELECT ('00000000-0000-4000-8000-' || lpad($1::text, 12, '0'))::uuid, 0,
           $2::bigint, 10 * $2::bigint, hour, hour, hour, hour + interval '1 hour'
    FROM to_timestamp($3::bigint + $1::bigint * 3600) AS hour
    RETURNING id, window_min
  )
  INSERT INTO pulses
    (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
  SELECT 'tenant-' || lpad((row % ${TENANTS})::text, 6, '0'),
         'sku-' || lpad((row / ${TENANTS} % 50)::text, 4, '0'),
         (ARRAY['GB', 'GB-h', 'vCPU', 'req'])[1 + row / ${TENANTS * 50} % 4],
         (1 + row % 1000000) / 1000.0, 10, batch.window_min, batch.id
  FROM batch, generate_series($1::bigint * $2::bigint, ($1::bigint + 1) * $2::bigint - 1) AS row
  ORDER BY row`;
