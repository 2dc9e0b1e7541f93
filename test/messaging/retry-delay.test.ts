import { expect, test } from 'vitest';
import { retryDelayMs } from '../../src/messaging/retry-delay.ts';

test('the delays grow, and jitter adds at most a fifth', () => {
  expect([1, 2, 3, 4, 5].map((attempt) => retryDelayMs(attempt, 0))).toEqual([
    5_000, 15_000, 45_000, 120_000, 300_000,
  ]);
  expect(retryDelayMs(9, 0)).toBe(300_000);
  expect(retryDelayMs(1, 1)).toBe(6_000);
});
