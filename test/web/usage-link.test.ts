import { expect, test } from 'vitest';
import { usagePathOf } from '../../web/src/pages/exports/usage-link.ts';

function pathOf(report: string, parameters: Record<string, unknown>) {
  return usagePathOf({ report, parameters });
}

test('the page of usage asks what the export asked', () => {
  const parameters = {
    tenant: ['acme', 'a & b'],
    from: '2026-11-01',
    window: 'day',
    group_by: ['tenant', 'product_sku'],
    tz: 'Europe/Berlin',
  };
  expect(pathOf('usage', parameters)).toBe(
    '/usage?tenant=acme&tenant=a+%26+b&from=2026-11-01&window=day&tz=Europe%2FBerlin&group_by=tenant%2Cproduct_sku',
  );
});

test('an export without a span is about all times', () => {
  expect(pathOf('pulses', { tenant: 'acme' })).toBe('/usage?tenant=acme&range=all');
});

test('only what flushes wrote is compared with usage', () => {
  expect(pathOf('orders', {})).toBeUndefined();
});
