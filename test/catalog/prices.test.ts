import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { priceQuantity, tierProblem, type PriceTier } from '../../src/catalog/prices.ts';
import { formatNano, parseNano } from '../../src/core/decimal.ts';

const STEPS: PriceTier[] = [
  { upTo: 10, unitAmount: '1' },
  { upTo: 100, unitAmount: '0.5' },
  { upTo: null, unitAmount: '0.1' },
];
const graduated = { unitAmount: '1', tiers: { mode: 'graduated', steps: STEPS } } as const;
const volume = { unitAmount: '1', tiers: { mode: 'volume', steps: STEPS } } as const;

describe('a quantity costs', () => {
  test('its multiple without tiers, to the ninth decimal', () => {
    const price = { unitAmount: '0.000000001', tiers: null };
    expect(priceQuantity(price, { qty: 1_000_000, before: 0 })).toEqual({
      unitAmount: '0.000000001',
      amount: '0.001',
    });
  });

  test('the price of the tier of each unit, with graduated tiers', () => {
    expect(priceQuantity(graduated, { qty: 10, before: 0 }).amount).toBe('10');
    expect(priceQuantity(graduated, { qty: 12, before: 0 }).amount).toBe('11');
    expect(priceQuantity(graduated, { qty: 2, before: 10 }).amount).toBe('1');
    expect(priceQuantity(graduated, { qty: 101, before: 0 }).amount).toBe('55.1');
  });

  test('the price of the tier of the month’s quantity for all units, with volume tiers', () => {
    expect(priceQuantity(volume, { qty: 10, before: 0 }).amount).toBe('10');
    expect(priceQuantity(volume, { qty: 11, before: 0 }).amount).toBe('5.5');
    expect(priceQuantity(volume, { qty: 1, before: 100 }).amount).toBe('0.1');
  });

  test('with graduated tiers, the same in one order as in several orders within the month', () => {
    const quantities = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(quantities, (parts) => {
        let before = 0;
        let sum = 0n;
        for (const qty of parts) {
          sum += parseNano(priceQuantity(graduated, { qty, before }).amount);
          before += qty;
        }
        expect(formatNano(sum)).toBe(priceQuantity(graduated, { qty: before, before: 0 }).amount);
      }),
    );
  });
});

test('tiers must rise, and only the last has no upper end', () => {
  expect(tierProblem(STEPS)).toBeUndefined();
  expect(tierProblem([])).toContain('last tier');
  expect(tierProblem([{ upTo: 5, unitAmount: '1' }])).toContain('last tier');
  expect(tierProblem([STEPS[1]!, STEPS[0]!, STEPS[2]!])).toContain('rise');
  expect(tierProblem([STEPS[2]!, STEPS[2]!])).toContain('only the last');
});
