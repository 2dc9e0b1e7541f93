/** A moment as text, in a zone. */

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
  return format.format(at);
}
