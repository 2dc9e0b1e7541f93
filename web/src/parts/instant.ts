/** Instants of the API as the date and time of a zone, and back. */
import { formatTime } from './format-time.ts';

/** As every page writes it: `2026-11-29 23:05:12`. */
export function localOf(instant: string, zone: string): string {
  const at = new Date(instant);
  return Number.isNaN(at.getTime()) ? '' : formatTime(at, zone);
}

const LOCAL =
  /^(?<date>\d{4}-\d{2}-\d{2})(?:[T ](?<hours>\d{2}):(?<minutes>\d{2})(?<seconds>:\d{2})?)?$/;

/**
 * A date is the first moment of the day. Undefined for what is neither a date nor a time.
 *
 * Of a time that a change of the clocks repeats, the earlier one; of one that it skips, the time after it.
 */
export function instantOf(local: string, zone: string): string | undefined {
  const { date, hours = '00', minutes = '00', seconds = ':00' } = LOCAL.exec(local)?.groups ?? {};
  if (date === undefined) return undefined;
  const wallMs = Date.parse(`${date}T${hours}:${minutes}${seconds}Z`);
  // The 30th of February would become the 2nd of March.
  if (Number.isNaN(wallMs) || dateOf(wallMs) !== date) return undefined;
  const offsets = [wallMs - DAY_MS, wallMs + DAY_MS].map((atMs) => offsetMs(atMs, zone));
  const candidates = offsets.map((offset) => wallMs - offset);
  const exact = candidates.find((atMs) => atMs + offsetMs(atMs, zone) === wallMs);
  return new Date(exact ?? Math.max(...candidates)).toISOString();
}

const DAY_MS = 86_400_000;
const DATE_LENGTH = 'yyyy-mm-dd'.length;

function dateOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, DATE_LENGTH);
}

function offsetMs(atMs: number, zone: string): number {
  const wall = formatTime(new Date(atMs), zone).replace(' ', 'T');
  return Date.parse(`${wall}Z`) - Math.floor(atMs / 1_000) * 1_000;
}
