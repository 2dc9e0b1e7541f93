import { expect, test } from 'vitest';
import { turnAfter } from '../../src/delivery/endpoint-session.ts';

const periodMs = 1_000;

test('deliveries that are a little late keep the rate', () => {
  expect(turnAfter(5_000, { nowMs: 5_000, periodMs })).toBe(6_000);
  expect(turnAfter(5_000, { nowMs: 5_400, periodMs })).toBe(6_000);
});

test('after a pause no two are sent at once', () => {
  expect(turnAfter(5_000, { nowMs: 6_000, periodMs })).toBe(7_000);
  expect(turnAfter(5_000, { nowMs: 99_500, periodMs })).toBe(100_500);
});
