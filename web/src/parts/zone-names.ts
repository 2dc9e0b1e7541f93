/** The names of time zones that the API takes, and how to find one. Browsers list some by names of the past alone. */
import { isTimeZone, RENAMED_ZONES } from '../../../src/core/zone-names.ts';

/** The name of today, if the browser knows it. */
export function currentName(zone: string): string {
  const current = RENAMED_ZONES[zone];
  return current !== undefined && isTimeZone(current) ? current : zone;
}

/** What the zone field offers: each zone by its names of today and of the past. */
export function zoneChoices(listed: readonly string[]): string[] {
  const names = ['UTC', 'Etc/GMT', 'Etc/UTC', ...listed, ...listed.map(currentName)];
  return [...new Set(names)].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
}

function rank(name: string): number {
  return name === 'UTC' ? 0 : 1;
}

/** With what is typed, if it is a zone that is not listed, such as US/Eastern. */
export function withTyped(choices: readonly string[], ...typed: readonly string[]): string[] {
  const known = new Set(choices.map((name) => name.toLowerCase()));
  const others = typed
    .map((text) => text.trim())
    .filter((text) => isTimeZone(text) && !known.has(text.toLowerCase()));
  return [...new Set(others), ...choices];
}

/** The zone that a text names, in the way that it is listed. */
export function zoneNamed(text: string, choices: readonly string[]): string | undefined {
  const wanted = text.trim().toLowerCase();
  return choices.find((name) => name.toLowerCase() === wanted);
}

/** Whether a name is found by a text. A space stands for the underscore of names. */
export function isFoundBy(name: string, text: string): boolean {
  const wanted = text.trim().toLowerCase().replaceAll(' ', '_');
  return name.toLowerCase().includes(wanted);
}
