/** Questions about usage, the rows that answer them, and the cursors between pages. */
import { createHash } from 'node:crypto';
import { parseTimestamp } from '../core/timestamp.ts';

/** The length of the windows of an answer; `none` gives one sum over all time. */
export const USAGE_WINDOWS = ['hour', 'day', 'month', 'none'] as const;
export type UsageWindow = (typeof USAGE_WINDOWS)[number];

/** What else sums can be grouped by, in the order in which rows sort. */
export const USAGE_GROUPS = ['tenant', 'product_sku', 'use_unity'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** One question, checked. An undefined member does not restrict; an empty list matches nothing. */
export interface UsageQuery {
  readonly window: UsageWindow;
  /** Of the windows that pulses were added up by. Default: an hour. */
  readonly windowSeconds?: number;
  /** The time zone of days and months: `UTC`, or an IANA name such as `Europe/Berlin`. */
  readonly tz: string;
  /** In the order of USAGE_GROUPS, always with the unit: amounts of different units have no sum. */
  readonly groups: readonly UsageGroup[];
  readonly tenants?: readonly string[] | undefined;
  readonly skus?: readonly string[] | undefined;
  readonly units?: readonly string[] | undefined;
  /** Hours that start at `fromMs` or later, before `toMs`; milliseconds since 1970. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly order: 'asc' | 'desc';
  /** The key of the last row of the page before. */
  readonly after?: UsageKey | undefined;
  /** At most this many rows; undefined: all. */
  readonly limit?: number | undefined;
  /** Only pulses that were flushed by this instant, in milliseconds since 1970; none from Redis. */
  readonly asOfMs?: number | undefined;
  /** Whether to add the pulses that are only in Redis. */
  readonly live: boolean;
}

/** The values that a row sorts by: its window, if it has one, then its groups. */
export type UsageKey = readonly string[];

/** One sum. Members that the question does not group by are left out. */
export interface UsageRow {
  /** In the question's time zone, with its offset. */
  readonly window_start?: string;
  /** The start of the next window; a day may have 23 or 25 hours. */
  readonly window_end?: string;
  readonly tenant?: string;
  readonly product_sku?: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly pulse_count: number;
  /** Whether some of it is not flushed yet. */
  readonly provisional: boolean;
}

/** How complete an answer is. */
export interface Freshness {
  /** Every pulse that was used before this, and counted before the question, is flushed. */
  readonly completeThroughMs: number;
  /** No further pulse used before this can be counted. */
  readonly finalThroughMs: number;
  /** Whether the same question may be answered differently later, for the windows of this answer. */
  readonly provisional: boolean;
  /** Pulses in the sums that are only in Redis; null when Redis was left out. */
  readonly pending: number | null;
  /** Pulses of all tenants in the journal, which are in no sum yet; null when Redis was left out. */
  readonly journalled: number | null;
}

function keyLength({ window, groups }: Pick<UsageQuery, 'window' | 'groups'>): number {
  return groups.length + (window === 'none' ? 0 : 1);
}

/** The place after a row, as opaque text. It is valid for the same question only. */
export function toCursor(query: UsageQuery, key: UsageKey): string {
  return Buffer.from(JSON.stringify([shapeOf(query), ...key])).toString('base64url');
}

/** A time as Postgres writes it, with a year that it can also read. */
const WINDOW_KEY = /^([1-9]\d{3}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\+00)?$/;

/** Reads a cursor; undefined when it is not a cursor of this question. */
export function fromCursor(query: UsageQuery, cursor: string): UsageKey | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined;
  const [shape, ...key] = parts;
  if (shape !== shapeOf(query) || key.length !== keyLength(query)) return undefined;
  if (query.window !== 'none' && !isWindowKey(key[0])) return undefined;
  return key.some((part) => part.includes('\0')) ? undefined : key;
}

function isWindowKey(text = ''): boolean {
  const [, date = '', time = ''] = WINDOW_KEY.exec(text) ?? [];
  return parseTimestamp(`${date}T${time}Z`) !== undefined;
}

/** Identifies the question that a cursor belongs to. */
function shapeOf(query: UsageQuery): string {
  const { window, tz, groups, tenants, skus, units, fromMs, toMs, order, asOfMs } = query;
  const parts = [window, tz, groups, tenants, skus, units, fromMs, toMs, order, asOfMs];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 12);
}
