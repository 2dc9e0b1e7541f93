/** Spans of time as people choose them, in the zone of the page. */
import { instantOf as instantOfLocal } from './instant.ts';
import { formatTime } from './format-time.ts';

export const RANGES = [
  { value: 'today', label: 'Today' },
  { value: 'yesterday', label: 'Yesterday' },
  { value: 'last_7_days', label: 'Last 7 days' },
  { value: 'this_week', label: 'This week' },
  { value: 'last_week', label: 'Last week' },
  { value: 'this_month', label: 'This month' },
  { value: 'last_month', label: 'Last month' },
  { value: 'all', label: 'All time' },
  { value: 'own', label: 'From … to …' },
] as const;
export type RangeName = (typeof RANGES)[number]['value'];

/** Places in time: a date is the first moment of the day. Undefined: no bound. */
export interface Span {
  readonly from: string | undefined;
  /** The span ends before it. */
  readonly to: string | undefined;
}

const DAY_MS = 86_400_000;

export function isRange(name: string): name is RangeName {
  return RANGES.some(({ value }) => value === name);
}

/** @param today The date in the zone of the page, as in `2026-11-29`. Weeks begin on Monday. */
export function spanOf(range: Exclude<RangeName, 'own'>, today: string): Span {
  const monday = addDays(today, -((new Date(`${today}T00:00:00Z`).getUTCDay() + 6) % 7));
  const month = `${today.slice(0, 7)}-01`;
  switch (range) {
    case 'today':
      return { from: today, to: addDays(today, 1) };
    case 'yesterday':
      return { from: addDays(today, -1), to: today };
    case 'last_7_days':
      return { from: addDays(today, -6), to: addDays(today, 1) };
    case 'this_week':
      return { from: monday, to: addDays(monday, 7) };
    case 'last_week':
      return { from: addDays(monday, -7), to: monday };
    case 'this_month':
      return { from: month, to: monthAfter(month) };
    case 'last_month':
      return { from: `${addDays(month, -1).slice(0, 7)}-01`, to: month };
    case 'all':
      return { from: undefined, to: undefined };
  }
}

/** The first day of a span of dates and its last one, as people say it. */
export function datesOf({ from = '', to = '' }: Span): string {
  const last = to === '' ? '' : addDays(to, -1);
  return from === last ? from : `${from} to ${last}`;
}

/** The date of a moment in a zone. */
export function dateIn(zone: string, at: Date): string {
  return formatTime(at, zone).slice(0, 10);
}

/** The date that it is now in a zone. */
export function todayIn(zone: string): string {
  return dateIn(zone, new Date());
}

/** A date or a time of day in the zone as an instant. Any other text stays as it is: the API says what is wrong with it. */
export function instantOf(place: string, zone: string): string {
  return instantOfLocal(place, zone)?.replace('.000Z', 'Z') ?? place;
}

/** Like `instantOf`, but leaves a date to an API that takes dates. */
export function placeOf(place: string, zone: string): string {
  return /^\d{4}-\d{2}-\d{2}$/.test(place) ? place : instantOf(place, zone);
}

function addDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

function monthAfter(month: string): string {
  return `${addDays(month, 31).slice(0, 7)}-01`;
}
