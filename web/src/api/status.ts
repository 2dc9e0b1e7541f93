/** What the API says about the installation. */
import type { paths } from './schema.d.ts';

export type Status =
  paths['/api/v1/status']['get']['responses']['200']['content']['application/json'];

/** Of a counter that only grows, a second; undefined until two values are known. */
export function ratePerSecond(
  { status, before }: { readonly status: Status | undefined; readonly before: Status | undefined },
  counter: (sums: NonNullable<Status['sums']>) => number,
): number | undefined {
  if (!status?.sums || !before?.sums || status === before) return undefined;
  const seconds = (Date.parse(status.at) - Date.parse(before.at)) / 1_000;
  if (seconds <= 0) return undefined;
  return Math.max(0, (counter(status.sums) - counter(before.sums)) / seconds);
}

/** From so many on, the API does not count on: those of one reason, webhooks that are due, and workflows. */
export const COUNTED_MAX = 10_000;
