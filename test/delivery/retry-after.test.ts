import { expect, test } from 'vitest';
import { parseRetryAfter } from '../../src/delivery/retry-after.ts';

const NOW_MS = Date.UTC(2026, 0, 1, 12);
const DAY_MS = 86_400_000;

test.each([
  ['0', 0],
  ['120', 120_000],
  ['86400', DAY_MS],
  ['86401', DAY_MS],
  ['9'.repeat(400), DAY_MS],
  ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000],
  ['Thursday, 01-Jan-26 12:00:30 GMT', 30_000],
  ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
  ['Fri, 01 Jan 2027 12:00:00 GMT', DAY_MS],
])('Retry-After: %s is understood', (text, delayMs) => {
  expect(parseRetryAfter(text, NOW_MS)).toBe(delayMs);
});

test.each([
  ...['', '-1', '1.5', '1e3', '0x10', ' 5', '5 s', 'soon', 'Infinity', 'NaN'],
  ...['2026-01-01T12:00:30Z', 'Thu, 01 Jan 2026 12:00:30', 'Thu, 01 Jan 2026 12:00:30 +0100'],
  ...['Thu, 99 Jan 2026 12:00:30 GMT', `Thu, ${'1'.repeat(1_000)} GMT`],
])('Retry-After: %s is ignored', (text) => {
  expect(parseRetryAfter(text, NOW_MS)).toBeUndefined();
});
