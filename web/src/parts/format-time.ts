/** A moment as text, in a zone. */

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
