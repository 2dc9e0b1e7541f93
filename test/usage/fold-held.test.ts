import { expect, test } from 'vitest';
import { foldHeld } from '../../src/usage/fold-held.ts';
import { countTurns } from '../support/count-turns.ts';

async function foldMany(): Promise<void> {
  const rows = Array.from({ length: 1_000 }, (_, index) => ({
    tenant: 'acme',
    sku: `vm-${index}`,
    unit: 'hours',
    windowStartSec: 3_600,
    amount: { high: 0, whole: 1, nano: 500_000_000 },
    pulseCount: 2,
  }));
  const { sums, pulseCount } = await foldHeld(rows, ['product_sku', 'use_unity']);
  expect(pulseCount).toBe(2_000);
  expect(sums.sku).toBe(`{${rows.map(({ sku }) => `"${sku}"`).join(',')}}`);
  expect(sums.usedAmount).toBe(`{${rows.map(() => '1.5').join(',')}}`);
}

test('other work has its turn while many rows are added up and written, and is not waited for when they are few', async () => {
  expect(await countTurns(30, foldMany)).toBe(70);
  expect(await countTurns(0.1, foldMany)).toBe(0);
});

test('every value is a text for pg, which would write an array in one piece', async () => {
  const { sums } = await foldHeld([], ['tenant']);
  const { isEmpty, ...columns } = sums;
  expect(isEmpty).toBe(true);
  expect(Object.values(columns)).toEqual(Array(6).fill('{}'));
});
