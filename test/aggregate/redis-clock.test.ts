import { expect, test } from 'vitest';
import { RedisClock } from '../../src/aggregate/redis-clock.ts';

const START_SEC = 1_700_000_000;
const DAY_SEC = 86_400;

/** Reads at a second of the process' clock what Redis says, which is `aheadSec` more. */
function watched() {
  const jumps: number[] = [];
  const clock = new RedisClock((jumpSec) => jumps.push(jumpSec));
  const isSteady = (atSec: number, aheadSec = 0): boolean =>
    clock.read(START_SEC + atSec + aheadSec, atSec * 1_000).isSteady;
  return { jumps, isSteady };
}

test('a clock is steady when it has run evenly for ten minutes', () => {
  const { jumps, isSteady } = watched();
  expect([0, 300, 599, 600, DAY_SEC].map((atSec) => isSteady(atSec))).toEqual([
    ...[false, false, false],
    ...[true, true],
  ]);
  expect(jumps).toEqual([]);
});

test.each([61, DAY_SEC, -DAY_SEC])('a jump by %i s is noticed once, and believed later', (jump) => {
  const { jumps, isSteady } = watched();
  isSteady(0);
  expect(isSteady(600)).toBe(true);
  expect([601, 602, 1_200].map((atSec) => isSteady(atSec, jump))).toEqual([false, false, false]);
  expect(jumps).toEqual([jump]);
  expect(isSteady(1_201, jump)).toBe(true);
});

test('a jump for seconds is never believed, nor the time right after it', () => {
  const { jumps, isSteady } = watched();
  isSteady(0);
  expect(isSteady(600)).toBe(true);
  expect(isSteady(601, DAY_SEC)).toBe(false);
  expect([602, 1_201].map((atSec) => isSteady(atSec))).toEqual([false, false]);
  expect(jumps).toEqual([DAY_SEC, -DAY_SEC]);
});

test('a clock that is a little faster or slower is steady', () => {
  const { jumps, isSteady } = watched();
  for (let atSec = 0; atSec < DAY_SEC; atSec += 60) isSteady(atSec, Math.round(atSec / 100));
  expect(isSteady(DAY_SEC, DAY_SEC / 100)).toBe(true);
  expect(jumps).toEqual([]);
});
