/** The time zone that the console shows times in: the address has it, else the browser. */
import { useParameter } from './url-state.ts';

export const BROWSER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

export function useZone(): string {
  const [zone] = useParameter('tz');
  return isZone(zone) ? zone : BROWSER_ZONE;
}

export function isZone(zone: string): boolean {
  if (zone === '') return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

export const ZONES: readonly string[] = [
  ...new Set(['UTC', BROWSER_ZONE, ...Intl.supportedValuesOf('timeZone')]),
];

/** Years before 1000 come shorter. Somebody who types 2026 passes the year 2. */
const LENGTH = 'yyyy-mm-dd hh:mm:ss'.length;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Such as `2026-11-29 23:05:12`. */
export function formatTime(at: Date, zone: string): string {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: zone,
      dateStyle: 'short',
      timeStyle: 'medium',
    });
    formats.set(zone, format);
  }
  return format.format(at).padStart(LENGTH, '0');
}
