/** All SQL of usage questions. Every value is a parameter; names come from closed lists. */
import type { Pool, PoolClient } from 'pg';
import { NEWEST_EPOCH } from '../aggregate/epochs-query.ts';
import type { HeldSums } from './fold-held.ts';
import { safeNumber } from './safe-number.ts';
import type { UsageGroup, UsageKey, UsageQuery, UsageRow } from './usage.ts';

const HOUR_SECONDS = 3_600;

type Queryable = Pick<Pool, 'query'>;

export interface Statement {
  readonly text: string;
  readonly values: unknown[];
}

/** A row as the driver returns it. */
export interface SqlUsageRow {
  readonly window_key?: string;
  readonly starts_at?: Date;
  readonly start_offset?: number;
  readonly ends_at?: Date;
  readonly end_offset?: number;
  readonly tenant?: string;
  readonly product_sku?: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly pulse_count: string;
  readonly provisional: boolean;
}

/** Collects the values of a statement. */
class Parameters {
  readonly values: unknown[] = [];

  /** @returns The text that stands for the value in the statement. */
  add(value: unknown, type: string): string {
    this.values.push(value);
    return `$${this.values.length}::${type}`;
  }
}

/**
 * The statement of one question. Groups rows of Postgres and sums of Redis together, so that both fall into the
 * same windows.
 */
export function usageStatement(query: UsageQuery, held: HeldSums): Statement {
  const parameters = new Parameters();
  // Postgres cannot tell the type of an unused parameter.
  const tz = query.window === 'none' ? '' : parameters.add(query.tz, 'text');
  const sources = [flushedRows(query, parameters)];
  if (!held.isEmpty) sources.push(heldRows(query, { held, parameters }));
  const keys = query.window === 'none' ? query.groups : ['bucket', ...query.groups];
  const bucket = query.window === 'none' ? '' : `${bucketOf(query, tz)} AS bucket,`;
  const order = query.order === 'desc' ? 'DESC' : 'ASC';
  const text = `
    SELECT ${[...labels(query, tz), ...query.groups].join(', ')},
           trim_scale(used_amount)::text AS used_amount, pulse_count::text, provisional
    FROM (
      SELECT ${bucket} ${query.groups.join(', ')}, sum(used_amount) AS used_amount,
             sum(pulse_count) AS pulse_count, bool_or(provisional) AS provisional
      FROM (${sources.join('\nUNION ALL\n')}) AS counted
      GROUP BY ${keys.join(', ')}
    ) AS summed
    ${placeAfter(query, { keys, parameters })}
    ORDER BY ${keys.map((key) => `${key} ${order}`).join(', ')}
    LIMIT ${parameters.add(query.limit ?? null, 'bigint')}`;
  return { text, values: parameters.values };
}

function flushedRows(query: UsageQuery, parameters: Parameters): string {
  const { tenants, skus, units, fromMs, toMs, asOfMs } = query;
  const where: string[] = [];
  if (tenants !== undefined) where.push(`tenant = ANY (${parameters.add(tenants, 'text[]')})`);
  if (skus !== undefined) where.push(`product_sku = ANY (${parameters.add(skus, 'text[]')})`);
  if (units !== undefined) where.push(`use_unity = ANY (${parameters.add(units, 'text[]')})`);
  if (fromMs !== undefined) where.push(`window_start >= ${instant(fromMs, parameters)}`);
  if (toMs !== undefined) where.push(`window_start < ${instant(toMs, parameters)}`);
  if (asOfMs !== undefined) {
    const flushed = `SELECT id FROM flush_batches WHERE flushed_at <= ${instant(asOfMs, parameters)}`;
    where.push(`flush_batch_id IN (${flushed})`);
  }
  return `SELECT window_start, ${query.groups.join(', ')}, used_amount, pulse_count, false AS provisional
          FROM pulses ${where.length === 0 ? '' : `WHERE ${where.join(' AND ')}`}`;
}

/** The sum of each unit over everything that is flushed and matches. */
export function flushedSums(query: UsageQuery): Statement {
  const parameters = new Parameters();
  const rows = flushedRows({ ...query, groups: ['use_unity'] }, parameters);
  const text = `SELECT use_unity AS unit, trim_scale(sum(used_amount))::text AS total
    FROM (${rows}) AS counted GROUP BY use_unity ORDER BY use_unity`;
  return { text, values: parameters.values };
}

/** COLLATE: the texts must sort like those of the table. */
function heldRows(
  { groups }: UsageQuery,
  { held, parameters }: { held: HeldSums; parameters: Parameters },
): string {
  const columns = [
    parameters.add(held.windowStartSec, 'bigint[]'),
    parameters.add(held.tenant, 'text[]'),
    parameters.add(held.sku, 'text[]'),
    parameters.add(held.unit, 'text[]'),
    parameters.add(held.usedAmount, 'numeric[]'),
    parameters.add(held.pulseCount, 'bigint[]'),
  ];
  const texts = groups.map((group) => `${group} COLLATE "C" AS ${group}`);
  return `SELECT to_timestamp(window_start_sec), ${texts.join(', ')}, used_amount, pulse_count, true
          FROM unnest(${columns.join(', ')})
            AS held (window_start_sec, tenant, product_sku, use_unity, used_amount, pulse_count)`;
}

/**
 * Days and months follow the wall clock of the zone. Hours are the windows that pulses were added up by; shorter
 * windows are put together to hours of the wall clock, which begin at other instants in a zone such as Asia/Kolkata.
 */
function bucketOf({ window, windowSeconds = HOUR_SECONDS }: UsageQuery, tz: string): string {
  if (window === 'hour') {
    if (windowSeconds === HOUR_SECONDS) return 'window_start';
    const minute = `extract(minute FROM window_start AT TIME ZONE ${tz})::integer`;
    return `window_start - make_interval(mins => ${minute})`;
  }
  return `date_trunc('${window}', window_start AT TIME ZONE ${tz})`;
}

/** The sort key of a window, and its two ends, each with the zone's offset from UTC in seconds. */
function labels({ window }: UsageQuery, tz: string): string[] {
  if (window === 'none') return [];
  const startsAt = window === 'hour' ? 'bucket' : wallClock('bucket', tz);
  const endsAt =
    window === 'hour'
      ? `bucket + interval '1 hour'`
      : wallClock(`bucket + interval '1 ${window}'`, tz);
  const offset = (at: string) =>
    `extract(epoch FROM ((${at}) AT TIME ZONE ${tz}) - ((${at}) AT TIME ZONE 'UTC'))::integer`;
  return [
    'bucket::text AS window_key',
    `${startsAt} AS starts_at`,
    `${offset(startsAt)} AS start_offset`,
    `${endsAt} AS ends_at`,
    `${offset(endsAt)} AS end_offset`,
  ];
}

/**
 * The instant at which a day begins. Where clocks change at midnight, 00:00 exists twice or not at all, but the
 * second before it exists once, and a second later the day has begun.
 */
function wallClock(midnight: string, tz: string): string {
  return `((${midnight} - interval '1 second') AT TIME ZONE ${tz}) + interval '1 second'`;
}

function placeAfter(
  query: UsageQuery,
  { keys, parameters }: { keys: readonly string[]; parameters: Parameters },
): string {
  if (query.after === undefined) return '';
  const types = keys.map((key) => typeOfKey(key, query));
  const values = query.after.map((value, index) => parameters.add(value, types[index] ?? 'text'));
  return `WHERE (${keys.join(', ')}) ${query.order === 'desc' ? '<' : '>'} (${values.join(', ')})`;
}

function typeOfKey(key: string, { window }: UsageQuery): string {
  if (key !== 'bucket') return 'text';
  return window === 'hour' ? 'timestamptz' : 'timestamp';
}

function instant(ms: number, parameters: Parameters): string {
  return parameters.add(new Date(ms), 'timestamptz');
}

/** The row as it is answered. */
export function fromSqlRow(row: SqlUsageRow): UsageRow {
  const { starts_at, start_offset = 0, ends_at, end_offset = 0 } = row;
  return {
    ...(starts_at === undefined ? {} : { window_start: withOffset(starts_at, start_offset) }),
    ...(ends_at === undefined ? {} : { window_end: withOffset(ends_at, end_offset) }),
    ...(row.tenant === undefined ? {} : { tenant: row.tenant }),
    ...(row.product_sku === undefined ? {} : { product_sku: row.product_sku }),
    use_unity: row.use_unity,
    used_amount: row.used_amount,
    pulse_count: safeNumber(row.pulse_count),
    provisional: row.provisional,
  };
}

export function keyOf(row: SqlUsageRow, groups: readonly UsageGroup[]): UsageKey {
  const groupKeys = groups.map((group) => row[group] ?? '');
  return row.window_key === undefined ? groupKeys : [row.window_key, ...groupKeys];
}

/** RFC 3339 has offsets of whole minutes only; with any other, of long ago, the instant is written in UTC. */
function withOffset(instant: Date, offsetSeconds: number): string {
  if (offsetSeconds === 0 || offsetSeconds % 60 !== 0) {
    return instant.toISOString().replace('.000Z', 'Z');
  }
  const local = new Date(instant.getTime() + offsetSeconds * 1000).toISOString().slice(0, 19);
  const minutes = Math.abs(offsetSeconds) / 60;
  const hh = String(Math.floor(minutes / 60)).padStart(2, '0');
  const mm = String(minutes % 60).padStart(2, '0');
  return `${local}${offsetSeconds < 0 ? '-' : '+'}${hh}:${mm}`;
}

/** What a snapshot says of the batches that Redis held. */
export interface LedgerState {
  /** Those of them that are flushed. */
  readonly committed: ReadonlySet<string>;
  /** The newest epoch; undefined before the first start. */
  readonly epoch: string | undefined;
  /** The backend that reads the snapshot. */
  readonly processId: number;
}

export async function readLedgerState(
  client: PoolClient,
  batchIds: readonly string[],
): Promise<LedgerState> {
  const { rows } = await client.query<{
    committed: string[];
    epoch: string | null;
    process_id: number;
  }>(
    `SELECT ARRAY (SELECT id::text FROM flush_batches WHERE id = ANY ($1::uuid[])) AS committed,
            (${NEWEST_EPOCH}) AS epoch, pg_backend_pid() AS process_id`,
    [batchIds],
  );
  const { committed, epoch, process_id: processId = 0 } = rows[0] ?? {};
  return { committed: new Set(committed), epoch: epoch ?? undefined, processId };
}

/** The earliest hour of all batches that were open at an instant and were flushed after it. */
export async function findEarliestUnflushed(
  client: PoolClient,
  { asOfMs, openedBeforeMs }: { asOfMs: number; openedBeforeMs: number },
): Promise<number | undefined> {
  const { rows } = await client.query<{ earliest: Date | null }>(
    `SELECT min(window_min) AS earliest FROM flush_batches
     WHERE flushed_at > $1::timestamptz AND opened_at < $2::timestamptz`,
    [new Date(asOfMs), new Date(openedBeforeMs)],
  );
  return rows[0]?.earliest?.getTime();
}

/**
 * Whether an instant is in the past by Postgres' clock, and whether a flush is writing right now.
 *
 * A flush reads the clock after it has locked the ledger. So when no lock is held, every batch flushed up to
 * this instant is committed or rolled back.
 */
export async function readAsOfState(
  pool: Queryable,
  asOfMs: number,
): Promise<{ isPast: boolean; isFlushing: boolean }> {
  const { rows } = await pool.query<{ is_past: boolean; is_flushing: boolean }>(
    `SELECT $1::timestamptz <= clock_timestamp() AS is_past,
            EXISTS (SELECT FROM pg_locks
                    WHERE locktype = 'relation' AND relation = 'flush_batches'::regclass
                      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                      AND mode = 'RowExclusiveLock') AS is_flushing`,
    [new Date(asOfMs)],
  );
  return { isPast: rows[0]?.is_past === true, isFlushing: rows[0]?.is_flushing === true };
}

/** The instant at which a date begins in a time zone, in milliseconds. */
export async function readMidnight(
  pool: Queryable,
  { date, tz }: { date: string; tz: string },
): Promise<number> {
  const { rows } = await pool.query<{ midnight: Date }>(
    `SELECT ${wallClock('$1::timestamp', '$2::text')} AS midnight`,
    [date, tz],
  );
  return rows[0]?.midnight.getTime() ?? Number.NaN;
}
