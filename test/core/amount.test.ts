import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addAmount, formatAmount, parseAmount, type Amount } from '../../src/core/amount.ts';
import { arbitraryNanos, decimalOf, toAmount, toNanos } from '../support/pulses.ts';

function parsed(text: string): Amount {
  const amount = parseAmount(text);
  if (typeof amount === 'string') throw new Error(`${text}: ${amount}`);
  return amount;
}

describe('parseAmount', () => {
  test.each([
    ['1', 1n * 10n ** 9n],
    ['3.5', 3_500_000_000n],
    ['0.000000001', 1n],
    ['999999999999999.999999999', 10n ** 24n - 1n],
    ['000.100', 100_000_000n],
    ['0000000000000000000000001', 10n ** 9n],
    ['1.50000000000000000000', 1_500_000_000n],
    ['100000000000000', 10n ** 23n],
    ['0.300000000', 300_000_000n],
  ])('%s is read exactly', (text, nanos) => {
    expect(toNanos(parsed(text))).toBe(nanos);
  });

  test.each([
    ['0', 'not_positive'],
    ['0.000000000', 'not_positive'],
    ['000', 'not_positive'],
    ['-0', 'not_positive'],
    ['-1', 'not_positive'],
    ['-999999999999999999', 'not_positive'],
    ['1000000000000000', 'out_of_range'],
    ['9223372036854775807', 'out_of_range'],
    ['1000000000000000.0000000001', 'out_of_range'],
    ['0.0000000001', 'too_precise'],
    ['1.0000000001', 'too_precise'],
    ['999999999999999.9999999999', 'too_precise'],
    ['', 'not_a_number'],
    [' 1', 'not_a_number'],
    ['1 ', 'not_a_number'],
    ['1\n', 'not_a_number'],
    ['+1', 'not_a_number'],
    ['1.', 'not_a_number'],
    ['.5', 'not_a_number'],
    ['1,5', 'not_a_number'],
    ['1e3', 'not_a_number'],
    ['0x10', 'not_a_number'],
    ['1_000', 'not_a_number'],
    ['NaN', 'not_a_number'],
    ['Infinity', 'not_a_number'],
    ['-Infinity', 'not_a_number'],
    ['--1', 'not_a_number'],
    ['1.2.3', 'not_a_number'],
    ['٣', 'not_a_number'],
    ['１', 'not_a_number'],
    ['1\u0000', 'not_a_number'],
  ])('%j is refused as %s', (text, problem) => {
    expect(parseAmount(text)).toBe(problem);
  });

  test('every amount that a pulse may have is read exactly from its text', () => {
    fc.assert(
      fc.property(arbitraryNanos, (nanos) => {
        const amount = parsed(decimalOf(nanos));
        expect(toNanos(amount)).toBe(nanos);
        expect(formatAmount({ high: 0, ...amount })).toBe(decimalOf(nanos));
      }),
      { numRuns: 2_000 },
    );
  });

  test('unnecessary zeros on either side change nothing', () => {
    const zeros = fc.integer({ min: 0, max: 40 }).map((count) => '0'.repeat(count));
    fc.assert(
      fc.property(arbitraryNanos, zeros, zeros, (nanos, before, after) => {
        const text = decimalOf(nanos);
        const padded = before + text + (text.includes('.') ? after : after && `.${after}`);
        expect(parsed(padded)).toEqual(parsed(text));
      }),
    );
  });

  test('any text is an amount within the limits or a problem, never an exception', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^-?\d{0,20}\.?\d{0,12}$/)), (text) => {
        const amount = parseAmount(text);
        if (typeof amount === 'string') return;
        expect(amount.whole).toBeGreaterThanOrEqual(0);
        expect(amount.whole).toBeLessThan(1e15);
        expect(amount.nano).toBeGreaterThanOrEqual(0);
        expect(amount.nano).toBeLessThan(1e9);
        expect(toNanos(amount)).toBeGreaterThan(0n);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['zeros before the point', `${'0'.repeat(2_000_000)}1`],
    ['zeros between the point and a last digit', `0.${'0'.repeat(2_000_000)}1`],
    ['digits', '9'.repeat(2_000_000)],
    ['zeros and no digit', `${'0'.repeat(1_000_000)}.${'0'.repeat(1_000_000)}x`],
  ])('two million %s are parsed in linear time', (_, text) => {
    const startedMs = performance.now();
    parseAmount(text);
    expect(performance.now() - startedMs).toBeLessThan(500);
  });
});

describe('sums', () => {
  test('a sum of any amounts in any order is exact in all limbs', () => {
    fc.assert(
      fc.property(fc.array(arbitraryNanos, { maxLength: 200 }), (terms) => {
        const sum = { high: 0, whole: 0, nano: 0 };
        let total = 0n;
        for (const term of terms) {
          addAmount(sum, toAmount(term));
          total += term;
        }
        expect(toNanos(sum)).toBe(total);
        expect(sum.whole).toBeLessThan(1e15);
        expect(sum.nano).toBeLessThan(1e9);
        expect(formatAmount(sum)).toBe(decimalOf(total));
      }),
    );
  });

  test('ten thousand times the largest amount carries into the highest limb without loss', () => {
    const sum = { high: 0, whole: 0, nano: 0 };
    for (let count = 0; count < 10_000; count++) addAmount(sum, toAmount(10n ** 24n - 1n));
    expect(toNanos(sum)).toBe(10_000n * (10n ** 24n - 1n));
    expect(formatAmount(sum)).toBe('9999999999999999999.99999');
  });

  test('a tenth added ten times is one, unlike in floating point', () => {
    const sum = { high: 0, whole: 0, nano: 0 };
    for (let count = 0; count < 10; count++) addAmount(sum, parsed('0.1'));
    expect(formatAmount(sum)).toBe('1');
  });

  test.each([
    [{ high: 0, whole: 0, nano: 0 }, '0'],
    [{ high: 0, whole: 12, nano: 0 }, '12'],
    [{ high: 0, whole: 0, nano: 500_000_000 }, '0.5'],
    [{ high: 1, whole: 0, nano: 1 }, '1000000000000000.000000001'],
    [{ high: 1, whole: 7, nano: 0 }, '1000000000000007'],
    [{ high: 9223, whole: 372036854775807, nano: 0 }, '9223372036854775807'],
  ])('%j is written as %s', (sum, text) => {
    expect(formatAmount(sum)).toBe(text);
  });
});
