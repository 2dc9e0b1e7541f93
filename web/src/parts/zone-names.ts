/** The names of time zones that the API takes, and how to find one. Browsers list some by names of the past alone. */

/** Zones whose name has changed, as the API has them. */
const RENAMED: Readonly<Record<string, string>> = {
  'Africa/Asmera': 'Africa/Asmara',
  'America/Buenos_Aires': 'America/Argentina/Buenos_Aires',
  'America/Catamarca': 'America/Argentina/Catamarca',
  'America/Coral_Harbour': 'America/Atikokan',
  'America/Cordoba': 'America/Argentina/Cordoba',
  'America/Godthab': 'America/Nuuk',
  'America/Indianapolis': 'America/Indiana/Indianapolis',
  'America/Jujuy': 'America/Argentina/Jujuy',
  'America/Louisville': 'America/Kentucky/Louisville',
  'America/Mendoza': 'America/Argentina/Mendoza',
  'Asia/Calcutta': 'Asia/Kolkata',
  'Asia/Katmandu': 'Asia/Kathmandu',
  'Asia/Rangoon': 'Asia/Yangon',
  'Asia/Saigon': 'Asia/Ho_Chi_Minh',
  'Atlantic/Faeroe': 'Atlantic/Faroe',
  'Europe/Kiev': 'Europe/Kyiv',
  'Pacific/Enderbury': 'Pacific/Kanton',
  'Pacific/Ponape': 'Pacific/Pohnpei',
  'Pacific/Truk': 'Pacific/Chuuk',
};

/** Those of the API, which refuses abbreviations such as CET. */
const NAME = /^(?:UTC|[A-Za-z]+(?:\/[A-Za-z0-9_+-]+){1,2})$/;

export function isZone(zone: string): boolean {
  if (!NAME.test(zone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** The name of today, if the browser knows it. */
export function currentName(zone: string): string {
  const current = RENAMED[zone];
  return current !== undefined && isZone(current) ? current : zone;
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
    .filter((text) => isZone(text) && !known.has(text.toLowerCase()));
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
