import { expect, test } from 'vitest';
import { sumOf, totalsOf } from '../../web/src/pages/usage/totals.ts';
import type { UsageRow } from '../../web/src/pages/usage/usage-row.ts';

const row = (unit: string, amount: string): UsageRow => ({
  ...{ use_unity: unit, used_amount: amount, pulse_count: 1, provisional: false },
});

test('a total has every digit of its amounts', () => {
  expect(sumOf(['123456789012345.123456789', '0.000000001', '2'])).toBe('123456789012347.12345679');
  expect(sumOf(['0.1', '0.2'])).toBe('0.3');
  expect(sumOf(['9007199254740993', '0.5', '0.5'])).toBe('9007199254740994');
});

test('a total may be less than 1, or less than nothing', () => {
  expect(sumOf(['0.04', '0.01'])).toBe('0.05');
  expect(sumOf(['-0.5', '0.25'])).toBe('-0.25');
  expect(sumOf([])).toBe('0');
});

test('there is a total for each unit', () => {
  expect(totalsOf([row('h', '1.5'), row('GB', '2'), row('h', '0.5')])).toEqual([
    { unit: 'h', amount: '2' },
    { unit: 'GB', amount: '2' },
  ]);
});
