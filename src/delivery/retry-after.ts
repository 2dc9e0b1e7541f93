/** The header with which a receiver asks to be left alone for a while (RFC 9110, section 10.2.3). */

const DELAY_MAX_MS = 24 * 3_600_000;

/**
 * How long to wait, 0 to 24 hours; undefined for a value that is neither seconds nor an HTTP date.
 *
 * A longer time counts as 24 hours: no receiver holds a delivery back for years.
 */
export function parseRetryAfter(text: string, nowMs: number): number | undefined {
  const delayMs = /^\d+$/.test(text) ? Number(text) * 1000 : dateOf(text) - nowMs;
  return Number.isNaN(delayMs) ? undefined : Math.min(Math.max(0, delayMs), DELAY_MAX_MS);
}

/** NaN for what is not a date. An HTTP date is in GMT and says so; other dates would be read as local time. */
function dateOf(text: string): number {
  return text.length < 40 && /^[A-Z][a-z]+, .* GMT$/.test(text) ? Date.parse(text) : NaN;
}
