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
