import { expect, test } from 'vitest';
import { parseConfig } from '../src/config.ts';

const newSumsOf = (NEW_SUMS_PER_HOUR?: string) =>
  parseConfig({ NEW_SUMS_PER_HOUR }).api.newSumsPerHour;
const storedOf = (STORED_MIB_PER_HOUR?: string) =>
  parseConfig({ STORED_MIB_PER_HOUR }).api.storedBytesPerHour;

test('a tenant may begin 100,000 sums an hour, another number, or with 0 any', () => {
  expect(newSumsOf()).toBe(100_000);
  expect(newSumsOf('250000')).toBe(250_000);
  expect(newSumsOf('0')).toBeUndefined();
  for (const text of ['-1', '250001', 'many']) {
    expect(() => newSumsOf(text), text).toThrow('NEW_SUMS_PER_HOUR: must be a whole number from 0');
  }
});

test('a tenant may have 1 GiB stored an hour, another amount, or with 0 any', () => {
  expect(storedOf()).toBe(1_073_741_824);
  expect(storedOf('1')).toBe(1_048_576);
  expect(storedOf('0')).toBeUndefined();
  for (const text of ['-1', '1048577', '1.5']) {
    expect(() => storedOf(text), text).toThrow(
      'STORED_MIB_PER_HOUR: must be a whole number from 0',
    );
  }
});
