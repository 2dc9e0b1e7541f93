/** Counts, ages and JSON names as commands print them. */
import type { PauseState } from '../ingest/pauses-query.ts';

/** `1 batch`, `2 batches`, `1,000 rows`. */
export function count(
  number: number | bigint,
  one: string,
  many = /(?:ch|sh|s|x)$/.test(one) ? `${one}es` : `${one}s`,
): string {
  return `${number.toLocaleString('en-US')} ${number === 1 || number === 1n ? one : many}`;
}

/** Who paused or resumed, when and why. */
export function describePause({ paused, by, note, since }: PauseState): string {
  if (by === null || since === null) return paused ? 'PAUSED' : 'not paused';
  const what = paused ? 'PAUSED since' : 'not paused; resumed at';
  return `${what} ${since.toISOString()}, by ${by}${note === null ? '' : `: ${note}`}`;
}

const UNITS = [
  { name: 'days', seconds: 86_400, from: 2 * 86_400 },
  { name: 'h', seconds: 3_600, from: 2 * 3_600 },
  { name: 'min', seconds: 60, from: 60 },
  { name: 's', seconds: 1, from: 0 },
];

/** How long ago an instant was, or how far in the future it is: `18 min ago`, `in 89 days`. */
export function describeAge(instant: Date, nowMs: number): string {
  const seconds = Math.round((nowMs - instant.getTime()) / 1000);
  const size = Math.abs(seconds);
  const unit = UNITS.find(({ from }) => size >= from);
  const text = `${Math.floor(size / (unit?.seconds ?? 1))} ${unit?.name ?? 's'}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

/**
 * A result with its names in snake_case, as in the HTTP API, at every depth.
 *
 * Only for objects whose names are ours: it would also rename what users have named.
 */
export function toSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toSnakeCase);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [
      name.replace(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      toSnakeCase(part),
    ]),
  );
}
