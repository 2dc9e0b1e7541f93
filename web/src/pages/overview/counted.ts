/** Counts that end at a limit: `10 000+` is so many or more. */
import { COUNTED_MAX, type Status } from '../../api/status.ts';
import { digits } from '../../parts/words.ts';

export function atLeast(value: number): string {
  return `${digits(value)}${value >= COUNTED_MAX ? '+' : ''}`;
}

/** All that wait for a decision. The limit is that of each reason. */
export function openOf({ open, by_reason: reasons }: NonNullable<Status['dead_letters']>): string {
  const isWhole = reasons.every(({ count }) => count < COUNTED_MAX);
  return `${digits(open)}${isWhole ? '' : '+'}`;
}

/** More would stretch the row of their card. */
const REASONS_MAX = 3;

/** Why most pulses were refused, the most frequent first, and how many reasons are left. */
export function topReasons(letters: Status['dead_letters']) {
  const all = [...(letters?.by_reason ?? [])].sort((a, b) => b.count - a.count);
  return { top: all.slice(0, REASONS_MAX), moreCount: Math.max(0, all.length - REASONS_MAX) };
}
