/** Parses RFC 3339 instants, without Date, which accepts days that do not exist. */

const MS_PER_DAY = 86_400_000;
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * Reads an RFC 3339 instant such as `2026-11-22T04:10:00.5Z` or `…+02:00`.
 *
 * @returns Milliseconds since 1970, truncated; undefined if the text is not an instant or the day does not exist. A
 * leap second counts as the second before it.
 * @see RFC 3339 section 5.6
 */
export function parseTimestamp(text: string): number | undefined {
  const match = RFC3339.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const offsetMinutes = Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0);
  if (Number(match[9] ?? 0) > 23 || Number(match[10] ?? 0) > 59) return undefined;
  const localMs =
    daysSince1970(year, month, day) * MS_PER_DAY +
    ((hour * 60 + minute) * 60 + Math.min(second, 59)) * 1000 +
    Number((match[7] ?? '').padEnd(3, '0').slice(0, 3));
  return localMs - (match[8] === '-' ? -offsetMinutes : offsetMinutes) * 60_000;
}

/** Neither Postgres nor RFC 3339 can write other years as they write these. */
const EARLIEST_MS = Date.parse('0001-01-01T00:00:00Z');
const LATEST_MS = Date.UTC(10_000, 0, 1);

/** `parseTimestamp` for an instant that is stored or written: undefined also outside the years 1 to 9999 in UTC. */
export function parseInstant(text: string): number | undefined {
  const ms = parseTimestamp(text);
  return ms === undefined || ms < EARLIEST_MS || ms >= LATEST_MS ? undefined : ms;
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return [4, 6, 9, 11].includes(month) ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/** Days from 1970-01-01 in the proleptic Gregorian calendar: years counted from March, so that leap days come last. */
function daysSince1970(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}
