/** The time zone that the console shows times in: the address has it, else the browser. */
import { isTimeZone } from '../../../src/core/zone-names.ts';
import { useParameter } from './url-state.ts';
import { currentName, zoneChoices } from './zone-names.ts';

export const BROWSER_ZONE = browserZone();

export function useZone(): string {
  const [zone] = useParameter('tz');
  return isTimeZone(zone) ? zone : BROWSER_ZONE;
}

export const ZONES: readonly string[] = zoneChoices([
  BROWSER_ZONE,
  ...Intl.supportedValuesOf('timeZone'),
]);

function browserZone(): string {
  const zone = currentName(Intl.DateTimeFormat().resolvedOptions().timeZone);
  return isTimeZone(zone) ? zone : 'UTC';
}
