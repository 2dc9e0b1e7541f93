import { afterEach, expect, test, vi } from 'vitest';
import { foldHeld } from '../../src/usage/fold-held.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** Each look at the clock finds that `stepMs` have passed. @returns How often other work had its turn. */
async function turnsOf(stepMs: number): Promise<number> {
  let nowMs = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += stepMs));
  const waits = vi.spyOn(globalThis, 'setImmediate');
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
  return waits.mock.calls.length;
}

test('other work has its turn while many rows are added up and written, and is not waited for when they are few', async () => {
  expect(await turnsOf(30)).toBe(70);
  vi.restoreAllMocks();
  expect(await turnsOf(0.1)).toBe(0);
});

test('every value is a text for pg, which would write an array in one piece', async () => {
  const { sums } = await foldHeld([], ['tenant']);
  const { isEmpty, ...columns } = sums;
  expect(isEmpty).toBe(true);
  expect(Object.values(columns)).toEqual(Array(6).fill('{}'));
});
