import { expect, test } from 'vitest';
import { toFreshness, type FreshnessFacts } from '../../src/usage/freshness.ts';

const HOUR_MS = 3_600_000;
const NOON = Date.parse('2024-03-05T12:00:00Z');

const facts: FreshnessFacts = {
  atMs: NOON + 1_000,
  unflushedSinceMs: [],
  journalSinceMs: undefined,
  pulseAgeMaxMs: 24 * HOUR_MS,
  windowSeconds: 3_600,
  provisional: false,
  pending: 0,
  journalled: 0,
};
const finalThrough = (changes: Partial<FreshnessFacts>): string =>
  new Date(toFreshness({ ...facts, ...changes }).finalThroughMs).toISOString();

test('a window is final when no pulse of it is young enough to be taken', () => {
  expect(finalThrough({})).toBe('2024-03-04T11:00:00.000Z');
});

test('a window is not final while pulses of it may wait in the journal', () => {
  // They were taken eight hours ago, when a pulse of 03:00 of the day before was young enough.
  const changes = { journalSinceMs: NOON - 8 * HOUR_MS + 1_000, journalled: 10 };
  expect(finalThrough(changes)).toBe('2024-03-04T03:00:00.000Z');
  expect(finalThrough({ journalSinceMs: NOON + 999, journalled: 10 })).toBe(finalThrough({}));
});

test('a clock of Redis that is ahead makes nothing final earlier', () => {
  expect(finalThrough({ journalSinceMs: NOON + 5 * HOUR_MS })).toBe(finalThrough({}));
});

test('a window of an unflushed batch is neither complete nor final', () => {
  const freshness = toFreshness({ ...facts, unflushedSinceMs: [NOON - 100 * HOUR_MS] });
  expect(freshness).toMatchObject({
    completeThroughMs: NOON - 100 * HOUR_MS,
    finalThroughMs: NOON - 100 * HOUR_MS,
  });
});
