/** Rows of pulses for tests of the API, written as a flush would write them. */
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';

/** One row to write; members left out get the same value in every row. */
export interface TestRow {
  readonly tenant?: string;
  readonly sku?: string;
  readonly unit?: string;
  readonly amount?: string;
  readonly pulseCount?: number;
  readonly windowStart?: string;
}

const COLUMNS = ['tenant', 'sku', 'unit', 'amount', 'pulseCount', 'windowStart'] as const;

/** Writes the rows as one flush batch, in order. Returns the batch's id. */
export async function insertBatch(pool: Pool, rows: readonly TestRow[]): Promise<string> {
  const batchId = randomUUID();
  const full = rows.map((row) => ({
    tenant: 'acme',
    sku: 'storage',
    unit: 'GB',
    amount: '1',
    pulseCount: 1,
    windowStart: '2026-01-31T13:00:00Z',
    ...row,
  }));
  const windows = full.map((row) => row.windowStart).sort();
  const range = [windows[0], windows.at(-1)];
  await pool.query('SELECT ensure_pulses_partitions($1, $2)', range);
  // One statement, so that the batch commits together with its rows, as a flush does it.
  await pool.query(
    `WITH batch AS (
       INSERT INTO flush_batches (id, shard, row_count, pulse_count, window_min, window_max, opened_at)
       VALUES ($1, 0, $2, $3, $4, $5, now()) RETURNING id
     )
     INSERT INTO pulses
       (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
     SELECT tenant, sku, unit, amount, pulses, window_start, batch.id
     FROM batch, unnest($6::text[], $7::text[], $8::text[], $9::numeric[], $10::bigint[], $11::timestamptz[])
       WITH ORDINALITY AS given (tenant, sku, unit, amount, pulses, window_start, number)
     ORDER BY number`,
    [
      ...[batchId, full.length, full.reduce((sum, row) => sum + row.pulseCount, 0), ...range],
      ...COLUMNS.map((column) => full.map((row) => row[column])),
    ],
  );
  return batchId;
}
