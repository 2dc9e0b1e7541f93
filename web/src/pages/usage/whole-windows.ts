/**
 * Bounds that fall on the start of a window, also where midnight does not, as in India and Nepal. Sums are kept for
 * whole windows, and a window belongs to the day in which it starts: a day has the windows that start in it.
 */
import { WINDOW_MINUTES } from '../../../../src/core/window.ts';
import { formatTime } from '../../parts/format-time.ts';
import { instantOf, placeOf } from '../../parts/range.ts';

const MINUTE_MS = 60_000;
/** Windows are an hour at most, and one begins with every hour. */
const HOUR_MS = 60 * MINUTE_MS;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/i;

/** As people choose or type them: dates, times of the zone, or instants. Missing: no bound. */
export interface Bounds {
  readonly from?: string;
  readonly to?: string;
}

export interface Asked extends Bounds {
  readonly zone: string;
  /** The date in the zone. */
  readonly today: string;
  /** Whether sums are cut by days or months. */
  readonly byDay: boolean;
}

/** A day that does not begin at midnight. */
export interface DayShift {
  readonly windowMinutes: number;
  /** When a day begins, such as `00:30`. */
  readonly dayBegins: string;
  /** What `WINDOW_MINUTES` would have to be. */
  readonly exactMinutes: number | undefined;
}

export interface Fitted {
  /** As the API takes them. */
  readonly bounds: Bounds;
  readonly shift: DayShift | undefined;
}

/** In milliseconds since 1970; undefined for a text that is no place in time. */
export function msOf(place: string, zone: string): number | undefined {
  const instant = instantOf(place, zone);
  const ms = INSTANT.test(instant) ? Date.parse(instant) : Number.NaN;
  return Number.isNaN(ms) ? undefined : ms;
}

/** Whether the question depends on how long the windows of the installation are. */
export function needsWindow(asked: Asked): boolean {
  return [...placesOf(asked), ...midnightsOf(asked)].some(
    (place) => startAfter(place, asked.zone, HOUR_MS) !== undefined,
  );
}

/** Times of day that fall inside a window. Somebody typed them, so they are not changed unasked. */
export function insideWindow(asked: Asked, windowMs: number): boolean {
  return placesOf(asked).some(
    (place) => !DATE.test(place) && startAfter(place, asked.zone, windowMs) !== undefined,
  );
}

/** With the windows nearest to the times that were typed. At least one window; dates stay. */
export function repaired({ from, to, zone }: Asked, windowMs: number): Bounds {
  const start = nearest(from, zone, windowMs);
  const end = nearest(to, zone, windowMs);
  const isEmpty = start !== undefined && end !== undefined && end <= start;
  return {
    ...boundOf('from', from, start, zone),
    ...boundOf('to', to, isEmpty ? start + windowMs : end, zone),
  };
}

/**
 * Days begin with their first whole window. Both bounds move the same way, so ranges keep their length, and neighbours
 * neither overlap nor leave a gap.
 */
export function fitted(asked: Asked, windowMs: number): Fitted {
  const { zone } = asked;
  const fit = (place: string) => {
    const ms = startAfter(place, zone, windowMs);
    return ms === undefined ? placeOf(place, zone) : isoOf(ms);
  };
  const midnights = midnightsOf(asked);
  const off = midnights.find((date) => startAfter(date, zone, windowMs) !== undefined);
  return {
    bounds: {
      ...(asked.from === undefined ? {} : { from: fit(asked.from) }),
      ...(asked.to === undefined ? {} : { to: fit(asked.to) }),
    },
    shift:
      off === undefined
        ? undefined
        : {
            windowMinutes: windowMs / MINUTE_MS,
            dayBegins: localText(startAfter(off, zone, windowMs) ?? 0, zone).slice(-5),
            exactMinutes: WINDOW_MINUTES.find((minutes) =>
              midnights.every((date) => startAfter(date, zone, minutes * MINUTE_MS) === undefined),
            ),
          },
  };
}

/** Such as `Mon 2026-11-23 00:30`. */
export function dayAndTime(ms: number, zone: string): string {
  const day = new Intl.DateTimeFormat('en', { timeZone: zone, weekday: 'short' }).format(ms);
  return `${day} ${localText(ms, zone)}`;
}

function placesOf({ from, to }: Bounds): string[] {
  return [from, to].filter((place) => place !== undefined);
}

/** The dates whose beginning matters. Where days cut a range without dates, today stands for them. */
function midnightsOf(asked: Asked): string[] {
  const dates = placesOf(asked).filter((place) => DATE.test(place));
  return asked.byDay && dates.length === 0 ? [asked.today] : dates;
}

/** When the first window after a place starts; undefined when one starts there. */
function startAfter(place: string, zone: string, windowMs: number): number | undefined {
  const ms = msOf(place, zone);
  if (ms === undefined || ms % windowMs === 0) return undefined;
  return Math.ceil(ms / windowMs) * windowMs;
}

function nearest(place: string | undefined, zone: string, windowMs: number): number | undefined {
  const ms = place === undefined ? undefined : msOf(place, zone);
  return ms === undefined ? undefined : Math.round(ms / windowMs) * windowMs;
}

function boundOf(
  name: keyof Bounds,
  place: string | undefined,
  ms: number | undefined,
  zone: string,
): Bounds {
  if (place === undefined || ms === undefined) return {};
  if (DATE.test(place)) return { [name]: place };
  const local = localText(ms, zone);
  // Clocks that are set back show it twice.
  return { [name]: msOf(local, zone) === ms ? local : isoOf(ms) };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** Such as `2026-11-23 00:30`. */
function localText(ms: number, zone: string): string {
  return formatTime(new Date(ms), zone).slice(0, 'yyyy-mm-dd hh:mm'.length);
}
