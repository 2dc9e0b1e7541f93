import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { convertAmount, measureOf, parseFactor, type Unit } from '../../src/catalog/units.ts';

const unit = (
  name: string,
  dimension: string,
  numerator: bigint,
  denominator = 1n,
): [string, Unit] => [name, { unit: name, dimension, numerator, denominator }];
const UNITS = new Map([
  unit('bit', 'information', 1n, 8n),
  unit('B', 'information', 1n),
  unit('GB', 'information', 10n ** 9n),
  unit('GiB', 'information', 2n ** 30n),
  unit('s', 'time', 1n),
  unit('h', 'time', 3600n),
]);

function measure(text: string) {
  const found = measureOf(text, UNITS);
  if ('problem' in found) throw new Error(found.problem);
  return found;
}
const convert = (amount: string, from: string, to: string) =>
  convertAmount(amount, { from: measure(from), to: measure(to) });

describe('an amount', () => {
  test('is converted exactly within a dimension', () => {
    expect(convert('1', 'GiB', 'B')).toEqual({ amount: '1073741824', isExact: true });
    expect(convert('3', 'B', 'bit')).toEqual({ amount: '24', isExact: true });
    expect(convert('2.5', 'GB·h', 'GB·s')).toEqual({ amount: '9000', isExact: true });
    expect(convert('1', 'h·GB', 'GB·h')).toEqual({ amount: '1', isExact: true });
  });

  test('says when it had to be rounded', () => {
    expect(convert('1', 's', 'h')).toEqual({ amount: '0.000277778', isExact: false });
    expect(convert('-1', 's', 'h')).toEqual({ amount: '-0.000277778', isExact: false });
  });

  test('is never converted across dimensions', () => {
    expect(() => convert('1', 'GB', 'h')).toThrow('information cannot be converted to time.');
    expect(() => convert('1', 'GB·h', 'GB')).toThrow(RangeError);
  });

  test('survives an exact conversion there and back', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 15n }), (bytes) => {
        const bits = convert(String(bytes), 'B', 'bit');
        expect(convert(bits.amount, 'bit', 'B')).toEqual({ amount: String(bytes), isExact: true });
      }),
    );
  });
});

test('a measure names its unknown unit, and has a limited number of factors', () => {
  expect(measureOf('GB·parsec', UNITS)).toEqual({ problem: 'has the unknown unit "parsec"' });
  expect(measureOf('B·B·B·B·B', UNITS)).toEqual({ problem: 'has more than 4 factors' });
});

test('a factor is a positive decimal or fraction', () => {
  expect(parseFactor('1000')).toEqual({ numerator: 1000n, denominator: 1n });
  expect(parseFactor('0.125')).toEqual({ numerator: 1n, denominator: 8n });
  expect(parseFactor('1/3')).toEqual({ numerator: 1n, denominator: 3n });
  for (const text of ['0', '-1', '1/0', '1e3', '', 'x']) expect(parseFactor(text)).toBeUndefined();
});
