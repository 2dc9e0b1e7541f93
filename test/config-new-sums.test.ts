import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

const limitOf = (NEW_SUMS_PER_HOUR?: string) =>
  parseConfig({ NEW_SUMS_PER_HOUR }).api.newSumsPerHour;

test('a tenant may begin 100,000 sums an hour, another number, or with 0 any', () => {
  expect(limitOf()).toBe(100_000);
  expect(limitOf('250000')).toBe(250_000);
  expect(limitOf('0')).toBeUndefined();
  for (const text of ['-1', '250001', 'many']) {
    expect(() => limitOf(text), text).toThrow('NEW_SUMS_PER_HOUR: must be a whole number from 0');
  }
});
