import { expect, test } from 'vitest';
import { closestName } from '../../src/http/closest-name.ts';

const NAMES = ['tenant', 'product_sku', 'use_unity', 'used_amount', 'id', 'timestamp'];

test.each([
  ['tenent', 'tenant'],
  ['Tenant', 'tenant'],
  ['teannt', 'tenant'],
  ['productSku', 'product_sku'],
  ['product-sku', 'product_sku'],
  ['use_amount', 'used_amount'],
  ['usedAmounts', 'used_amount'],
  ['use_unit', 'use_unity'],
  ['time_stamp', 'timestamp'],
  ['ids', 'id'],
])('%s may be meant as %s', (name, meant) => {
  expect(closestName(name, NAMES)).toBe(meant);
});

test.each(['', 'x', 'colour', 'amount_of_money', 'customer', 'tenant'.repeat(100_000)])(
  '%.20s resembles none of them',
  (name) => {
    expect(closestName(name, NAMES)).toBeUndefined();
  },
);
