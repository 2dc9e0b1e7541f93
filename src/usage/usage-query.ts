/** A question about usage, checked, and the rows that answer it. */
import { createHash } from 'node:crypto';
import { parseTimestamp } from '../core/timestamp.ts';

/** What sums are cut by in time; `none` gives one sum over all of it. */
export const USAGE_WINDOWS = ['hour', 'day', 'month', 'none'] as const;
export type UsageWindow = (typeof USAGE_WINDOWS)[number];

/** What sums can be cut by besides, in the order in which they sort. */
export const USAGE_GROUPS = ['tenant', 'product_sku', 'use_unity'] as const;
export type UsageGroup = (typeof USAGE_GROUPS)[number];

/** One question. What is undefined does not restrict; an empty list lets nothing through. */
export interface UsageQuery {
  readonly window: UsageWindow;
  /** Whose days and months: `UTC`, or a name of the IANA database such as `Europe/Berlin`. */
  readonly tz: string;
  /** In the order of USAGE_GROUPS. The unit is always among them: amounts of two units have no sum. */
  readonly groups: readonly UsageGroup[];
  readonly tenants?: readonly string[] | undefined;
  readonly skus?: readonly string[] | undefined;
  readonly units?: readonly string[] | undefined;
  /** Hours that start at `fromMs` or later, before `toMs`; milliseconds since 1970. */
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
  readonly order: 'asc' | 'desc';
  /** The key of the row before the first one. */
  readonly after?: UsageKey | undefined;
  /** How many rows at most; undefined: all. */
  readonly limit?: number | undefined;
  /** Only what was flushed at this instant; milliseconds since 1970. Leaves out what Redis holds. */
  readonly asOfMs?: number | undefined;
  /** Whether to add what Redis holds. */
  readonly live: boolean;
}

/** The values that a row sorts by: its window, unless there is none, then its groups. */
export type UsageKey = readonly string[];

/** One sum. A member that the question does not cut by is left out. */
export interface UsageRow {
  /** In the question's time zone, with its offset. */
  readonly window_start?: string;
  /** Where the next window starts; a day may have 23 or 25 hours. */
  readonly window_end?: string;
  readonly tenant?: string;
  readonly product_sku?: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly pulse_count: number;
  /** Whether some of it is not in Postgres yet. */
  readonly provisional: boolean;
}

/** How fresh an answer is. */
export interface Freshness {
  /** Every pulse that had been counted when the question came, and was used before, is flushed. */
  readonly completeThroughMs: number;
  /** Before this instant, no pulse can come any more. */
  readonly finalThroughMs: number;
  /** Whether the same question may get another answer because part of this one was not settled yet. */
  readonly provisional: boolean;
  /** Pulses in the sums that Redis still holds; null when it was not asked. */
  readonly pending: number | null;
}

const TIME_ZONE = /^(?:UTC|[A-Za-z]+(?:\/[A-Za-z0-9_+-]+){1,2})$/;

/**
 * Whether a text names a time zone. Abbreviations such as `CET` do not: Postgres takes them for a fixed
 * offset and others for a zone with summer time.
 */
export function isTimeZone(text: string): boolean {
  if (!TIME_ZONE.test(text)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: text });
    return true;
  } catch {
    return false;
  }
}

/** How many values a key of this question has. */
function keyLength({ window, groups }: Pick<UsageQuery, 'window' | 'groups'>): number {
  return groups.length + (window === 'none' ? 0 : 1);
}

/** The place after a row, as a text for callers. It fits the same question alone. */
export function toCursor(query: UsageQuery, key: UsageKey): string {
  return Buffer.from(JSON.stringify([shapeOf(query), ...key])).toString('base64url');
}

/** As Postgres writes a time; a year without leading zeros is one that it also reads. */
const WINDOW_KEY = /^([1-9]\d{3}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\+00)?$/;

/** Reads a cursor; undefined when it is none of this question. */
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

/** What two pages must have in common to belong together. */
function shapeOf(query: UsageQuery): string {
  const { window, tz, groups, tenants, skus, units, fromMs, toMs, order, asOfMs } = query;
  const parts = [window, tz, groups, tenants, skus, units, fromMs, toMs, order, asOfMs];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 12);
}
