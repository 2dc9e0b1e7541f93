/** Reads single rows of table pulses. Every value is a parameter. */
import type { PoolClient } from 'pg';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import type { Span } from '../http/instants.ts';
import { spanConditions, sqlWhere, type SqlCondition, type Statement } from '../http/report.ts';
import { queryRows } from '../platform/postgres.ts';
import {
  connectionsOf,
  readAsTenants,
  type Connections,
  type ScopedPool,
} from '../platform/scoped-postgres.ts';
import { findPulsePlace } from './pulse-blocks-query.ts';
import type { PulseRow } from './pulses-schema.ts';
import { safeNumber } from './safe-number.ts';

/** Which rows to read; an undefined member does not restrict. `fromMs` and `toMs` bound the starts of windows. */
export interface PulseFilters extends Partial<Span> {
  /** The tenants whose rows the caller may see. */
  readonly scope: TenantScope;
  readonly tenant?: string | undefined;
  readonly sku?: string | undefined;
  readonly unit?: string | undefined;
}

/** One page: `offset` rows are skipped, at most `limit` follow. */
export interface PulsePage {
  readonly offset: number;
  readonly limit: number;
}

/** A row as the driver returns it. */
interface SqlRow {
  id: string;
  tenant: string;
  product_sku: string;
  use_unity: string;
  used_amount: string;
  pulse_count: string;
  window_start: Date;
  flush_batch_id: string;
  flushed_at: Date;
}

/** trim_scale: numeric(38,9) prints nine decimals, trailing zeros included. */
const SELECT_ROWS = `
  SELECT p.id::text, p.tenant, p.product_sku, p.use_unity, trim_scale(p.used_amount)::text AS used_amount,
         p.pulse_count::text, p.window_start, p.flush_batch_id, b.flushed_at`;

/**
 * Up to this many matches, sorting them beats walking the rows in id order until the page is full. The
 * planner cannot know that: it assumes evenly spread matches, and for a rare tenant walks through every row.
 */
const SORT_MATCHES_MAX = 50_000;

/** A page by a cursor looks at no more ids than these for rows that match. */
const SEARCHED_IDS = 32_768n;

/**
 * Reads one page by ascending id, and the number of rows on all pages, in one snapshot.
 *
 * Rows are only inserted and ids ascend, so a full page does not shift, except when two flushes overlap and
 * the one with the lower ids commits last.
 *
 * @throws TransientError Postgres is unavailable or too busy.
 */
export function listPulses(
  pool: ScopedPool,
  filters: PulseFilters,
  page: PulsePage,
): Promise<{ rows: PulseRow[]; total: number }> {
  return readAsTenants(pool, filters.scope, async (client) => {
    const conditions = conditionsOf(filters);
    if (isOfAllRows(filters)) {
      const { total, ...place } = await findPulsePlace(client, filters, page);
      if (page.offset >= total) return { rows: [], total };
      const where = sqlWhere([...conditions, ...place.conditions]);
      return { rows: await readInOrder(client, where, { ...page, offset: place.offset }), total };
    }
    const where = sqlWhere(conditions);
    const sorted = await readSorted(client, where, page);
    if (sorted !== null) return sorted;
    const total = await countRows(client, where);
    if (page.offset >= total) return { rows: [], total };
    return { rows: await readInOrder(client, where, page), total };
  });
}

/** The rows after one of them, and the cursor of the next page; null: these are the last. */
export interface PulsesAfter {
  readonly rows: PulseRow[];
  readonly next: string | null;
}

/**
 * Reads rows by ascending id, beginning after an id, so that following `next` passes every row once.
 *
 * Rows above an id that a flush in progress has taken are left for later: that flush may commit lower ones. Where few
 * rows match, a page ends early instead of searching on, so it may be short or empty although `next` is there.
 *
 * @param after Decimal digits.
 * @throws TransientError Postgres is unavailable or too busy.
 */
export async function listPulsesAfter(
  pool: ScopedPool,
  filters: PulseFilters,
  { after, limit }: { readonly after: string; readonly limit: number },
): Promise<PulsesAfter> {
  if (BigInt(after) > INT64_MAX) return { rows: [], next: null };
  const { settled, first } = await readWalk(connectionsOf(pool, filters.scope), after);
  return readAsTenants(pool, filters.scope, async (client) => {
    const conditions = conditionsOf(filters);
    const page = { offset: 0, limit: limit + 1 };
    const upTo = (id: bigint) =>
      sqlWhere([...conditions, ['id > ?::bigint', after], ['id <= ?::bigint', String(id)]]);
    const sorted = hasTenants(filters) ? await readSorted(client, upTo(settled), page) : null;
    const isSearched = sorted === null && conditions.some(([, value]) => value !== undefined);
    const end = isSearched ? min(settled, first + SEARCHED_IDS) : settled;
    const found = sorted?.rows ?? (await readInOrder(client, upTo(end), page));
    const rows = found.slice(0, limit);
    if (found.length > limit) return { rows, next: rows.at(-1)?.id ?? null };
    return { rows, next: end < settled ? String(end) : null };
  });
}

/**
 * @param id Decimal digits; above int64 there is no row.
 * @throws TransientError Postgres is unavailable or too busy.
 */
export async function findPulse(
  pool: ScopedPool,
  scope: TenantScope,
  id: string,
): Promise<PulseRow | undefined> {
  if (BigInt(id) > INT64_MAX) return undefined;
  const sql = `
    ${SELECT_ROWS} FROM pulses p JOIN flush_batches b ON b.id = p.flush_batch_id
    WHERE p.id = $1 AND ($2::text[] IS NULL OR p.tenant = ANY($2))`;
  return readAsTenants(pool, scope, async (client) => {
    const { rows } = await client.query<SqlRow>(sql, [id, tenantsOf(scope) ?? null]);
    return rows[0] === undefined ? undefined : fromRow(rows[0]);
  });
}

const INT64_MAX = 2n ** 63n - 1n;

function conditionsOf(filters: PulseFilters): SqlCondition[] {
  return [
    ['tenant = ANY(?)', tenantsOf(filters.scope)],
    ['tenant = ?', filters.tenant],
    ['product_sku = ?', filters.sku],
    ['use_unity = ?', filters.unit],
    ...spanConditions('window_start', filters),
  ];
}

const hasTenants = ({ scope, tenant }: PulseFilters): boolean =>
  scope !== 'all' || tenant !== undefined;

/** Whether nothing but the window restricts, so that the counts of blocks tell the place of a page. */
function isOfAllRows(filters: PulseFilters): boolean {
  return !hasTenants(filters) && filters.sku === undefined && filters.unit === undefined;
}

/** How far rows may be listed by a cursor, and the first id after it. Of all tenants, so it must not be shown. */
async function readWalk(
  pool: Connections,
  after: string,
): Promise<{ settled: bigint; first: bigint }> {
  const [walk] = await queryRows<{ settled: string; first: string | null }>(
    pool,
    `SELECT last_settled_pulse() AS settled,
            (SELECT id FROM pulses WHERE id > $1::bigint ORDER BY id LIMIT 1) AS first`,
    [after],
  );
  return { settled: BigInt(walk?.settled ?? 0), first: BigInt(walk?.first ?? after) };
}

const min = (one: bigint, other: bigint): bigint => (one < other ? one : other);

async function countRows(client: PoolClient, { text, values }: Statement): Promise<number> {
  const sql = `SELECT count(*)::text AS total FROM pulses ${text}`;
  const { rows } = await client.query<{ total: string }>(sql, [...values]);
  return safeNumber(rows[0]?.total ?? '0');
}

/**
 * Sorts all matches by id: their ids alone, which the index by tenant has as well.
 *
 * @returns How many match, and the page; null if there are too many.
 */
async function readSorted(
  client: PoolClient,
  where: Statement,
  { offset, limit }: PulsePage,
): Promise<{ total: number; rows: PulseRow[] } | null> {
  const count = where.values.length;
  const sql = `
    WITH matches AS MATERIALIZED (
      SELECT id, window_start FROM pulses ${where.text} LIMIT ${SORT_MATCHES_MAX + 1}
    ), page AS MATERIALIZED (
      SELECT * FROM matches ORDER BY id LIMIT $${count + 1} OFFSET $${count + 2}
    ), page_rows AS (
      ${SELECT_ROWS}
      FROM page JOIN pulses p USING (id, window_start) JOIN flush_batches b ON b.id = p.flush_batch_id
    )
    SELECT * FROM (SELECT count(*)::int AS total FROM matches) AS counted LEFT JOIN page_rows ON true
    ORDER BY id::bigint`;
  const { rows } = await client.query<{ total: number } & (SqlRow | { id: null })>(sql, [
    ...where.values,
    limit,
    offset,
  ]);
  const total = rows[0]?.total ?? 0;
  if (total > SORT_MATCHES_MAX) return null;
  const found = rows.flatMap(({ total: _, ...row }) => (row.id === null ? [] : [fromRow(row)]));
  return { total, rows: found };
}

/**
 * Walks through the rows in id order. Finds the first of the page in the index of the primary key alone: skipping 900,000
 * of a million rows took 50 ms this way, and 281 ms when the rows were read as well.
 *
 * @param where Has a condition.
 */
async function readInOrder(
  client: PoolClient,
  where: Statement,
  { offset, limit }: PulsePage,
): Promise<PulseRow[]> {
  const count = where.values.length;
  const sql = `
    ${SELECT_ROWS}
    FROM (
      SELECT * FROM pulses ${where.text}
        AND id >= (SELECT id FROM pulses ${where.text} ORDER BY id LIMIT 1 OFFSET $${count + 2})
      ORDER BY id LIMIT $${count + 1}
    ) AS p JOIN flush_batches b ON b.id = p.flush_batch_id
    ORDER BY p.id`;
  const { rows } = await client.query<SqlRow>(sql, [...where.values, limit, offset]);
  return rows.map(fromRow);
}

function fromRow(row: SqlRow): PulseRow {
  return {
    ...row,
    pulse_count: safeNumber(row.pulse_count),
    window_start: row.window_start.toISOString(),
    flushed_at: row.flushed_at.toISOString(),
  };
}
