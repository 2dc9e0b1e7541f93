import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatNano, parseNano } from '../../src/core/decimal.ts';

test('a decimal survives conversion to an integer and back', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }), (nano) => {
      expect(parseNano(formatNano(nano))).toBe(nano);
    }),
  );
});

test('decimals are written in their shortest form', () => {
  expect(formatNano(parseNano('0012.500'))).toBe('12.5');
  expect(formatNano(parseNano('-0.000000001'))).toBe('-0.000000001');
  expect(formatNano(0n)).toBe('0');
});

test('text that is not a plain decimal, or is too precise, is refused', () => {
  for (const text of ['', '1e3', '1.', '.5', '1.0000000001', ' 1', '1,5', 'NaN']) {
    expect(() => parseNano(text), text).toThrow(RangeError);
  }
});
