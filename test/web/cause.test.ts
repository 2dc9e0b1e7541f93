import { expect, test } from 'vitest';
import { repairOf } from '../../web/src/pages/orders/cause.ts';

const ITEMS = [{ sku: 'A B', qty: 1 }];

function pathOf(code: string, detail: string): string | undefined {
  return repairOf({ customer_id: 'no & body', items: ITEMS, failure: { code, detail } })?.path;
}

test('what is missing is added where its dialog opens with its id', () => {
  expect(pathOf('unknown_customer', '')).toBe('/catalogue?tab=customers&add=no%20%26%20body');
  expect(pathOf('unknown_sku', 'There is no product "A B".')).toBe(
    '/catalogue?tab=products&add=A%20B',
  );
});

test('a cause that no page repairs has no link', () => {
  expect(pathOf('enrichment_failed', '')).toBeUndefined();
});
