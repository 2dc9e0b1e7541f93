/** Where a page of the list of pulses begins: the counts that flushes keep in table pulse_blocks. */
import type { PoolClient } from 'pg';
import type { Span } from '../http/instants.ts';
import type { SqlCondition } from '../http/report.ts';
import { safeNumber } from './safe-number.ts';

export interface PulsePlace {
  /** Rows on all pages. */
  readonly total: number;
  /** The bounds of the blocks that the page lies in. */
  readonly conditions: readonly SqlCondition[];
  /** How many rows within those bounds come before the page. */
  readonly offset: number;
}

interface SqlPlace {
  total: string;
  before: string;
  first_id: string | null;
  last_id: string | null;
  window_min: Date | null;
  window_max: Date | null;
}

/** A block is 2^14 ids; see migrations/0036_pulse_pages.sql. */
const BLOCKS_SQL = `
  SELECT block, sum(row_count) AS row_count, min(window_min) AS window_min, max(window_max) AS window_max
  FROM pulse_blocks
  WHERE month IN (SELECT pulses_months())
    AND window_max >= coalesce($1::timestamptz, '-infinity') AND window_min < coalesce($2::timestamptz, 'infinity')
  GROUP BY block`;

/**
 * Blocks with rows inside and outside of the span, counted row by row. There are few: a flush writes what was used shortly
 * before. For a count of so few rows, compiling the plan would take longer than running it.
 */
const MIXED_SQL = `
  SELECT set_config('jit', 'off', true), array_agg(block) AS blocks FROM (${BLOCKS_SQL}) AS touched
  WHERE window_min < $1 OR window_max >= $2`;
const COUNT_MIXED_SQL = `
  SELECT array_agg(block) AS blocks, array_agg(row_count) AS counts
  FROM unnest($3::bigint[]) AS block, LATERAL (
    SELECT count(*) AS row_count FROM pulses
    WHERE id >= block << 14 AND id < (block + 1) << 14
      AND window_start >= coalesce($1::timestamptz, '-infinity')
      AND window_start < coalesce($2::timestamptz, 'infinity')
  ) AS counted`;

const PLACE_SQL = `
  WITH mixed AS (
    SELECT * FROM unnest($5::bigint[], $6::bigint[]) AS counted (block, mixed_count)
  ), placed AS MATERIALIZED (
    SELECT *, sum(coalesce(mixed_count, row_count)) OVER (ORDER BY block) AS through
    FROM (${BLOCKS_SQL}) AS blocks LEFT JOIN mixed USING (block)
  ), ends AS (
    SELECT coalesce(max(through), 0) AS total,
           coalesce(max(through) FILTER (WHERE through <= $3::bigint), 0) AS before,
           min(block) FILTER (WHERE through > $3::bigint) AS first_block,
           coalesce(min(block) FILTER (WHERE through >= $3::bigint + $4::bigint), max(block)) AS last_block
    FROM placed
  )
  SELECT total::text, before::text, first_block << 14 AS first_id, ((last_block + 1) << 14) - 1 AS last_id,
         bounds.window_min, bounds.window_max
  FROM ends, LATERAL (
    SELECT min(window_min) AS window_min, max(window_max) AS window_max
    FROM placed WHERE block BETWEEN first_block AND last_block
  ) AS bounds`;

/** Finds the place of a page of all tenants' rows, in the snapshot in which the page is read. */
export async function findPulsePlace(
  client: PoolClient,
  { fromMs, toMs }: Partial<Span>,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<PulsePlace> {
  const span = [fromMs, toMs].map((ms) => (ms === undefined ? null : new Date(ms)));
  const mixed = await countMixedBlocks(client, span);
  const { rows } = await client.query<SqlPlace>(PLACE_SQL, [...span, offset, limit, ...mixed]);
  const [place] = rows;
  if (place === undefined) throw new Error('An aggregate returned no row.');
  return {
    total: safeNumber(place.total),
    offset: offset - safeNumber(place.before),
    conditions: [
      ['id >= ?::bigint', place.first_id],
      ['id <= ?::bigint', place.last_id],
      // So that only the months of these blocks are opened.
      ['window_start >= ?::timestamptz', place.window_min],
      ['window_start <= ?::timestamptz', place.window_max],
    ],
  };
}

async function countMixedBlocks(
  client: PoolClient,
  span: readonly (Date | null)[],
): Promise<[blocks: string[], counts: string[]]> {
  if (span.every((instant) => instant === null)) return [[], []];
  const found = await client.query<{ blocks: string[] | null }>(MIXED_SQL, [...span]);
  const blocks = found.rows[0]?.blocks ?? [];
  if (blocks.length === 0) return [[], []];
  const { rows } = await client.query<{ blocks: string[]; counts: string[] }>(COUNT_MIXED_SQL, [
    ...span,
    blocks,
  ]);
  return [rows[0]?.blocks ?? [], rows[0]?.counts ?? []];
}
