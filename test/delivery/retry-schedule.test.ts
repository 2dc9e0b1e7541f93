import { expect, test } from 'vitest';
import { ATTEMPTS_MAX, retryAtMs } from '../../src/delivery/retry-schedule.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const NOW_MS = 1_700_000_000_000;

function delayMs(attempt: number, random: number, retryAfterMs?: number): number | undefined {
  const atMs = retryAtMs({ attempt, nowMs: NOW_MS, retryAfterMs, random });
  return atMs === undefined ? undefined : atMs - NOW_MS;
}

test('nine retries follow the schedule, and none follows the tenth attempt', () => {
  expect(ATTEMPTS_MAX).toBe(10);
  const attempts = Array.from({ length: ATTEMPTS_MAX }, (_, index) => index + 1);
  expect(attempts.map((attempt) => delayMs(attempt, 0.5))).toEqual([
    5_000,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    ...[2, 5, 10, 14, 20, 24].map((hours) => hours * HOUR_MS),
    undefined,
  ]);
  expect(delayMs(ATTEMPTS_MAX + 1, 0.5)).toBeUndefined();
  expect(delayMs(ATTEMPTS_MAX, 0.5, HOUR_MS)).toBeUndefined();
});

test('jitter adds or removes at most a tenth', () => {
  expect([0, 1].map((random) => delayMs(1, random))).toEqual([4_500, 5_500]);
  expect([0, 1].map((random) => delayMs(9, random))).toEqual([21.6 * HOUR_MS, 26.4 * HOUR_MS]);
  expect(Number.isInteger(delayMs(2, 1 / 3))).toBe(true);
});

test('Retry-After makes a retry later, never earlier', () => {
  expect(delayMs(1, 0.5, HOUR_MS)).toBe(HOUR_MS);
  expect(delayMs(4, 0.5, 1_000)).toBe(2 * HOUR_MS);
  expect(delayMs(4, 0.5, 0)).toBe(2 * HOUR_MS);
});
