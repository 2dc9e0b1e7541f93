import { expect, test } from 'vitest';
import {
  addUsages,
  PAIRS_MAX,
  type UnsubscribedUsages,
} from '../../src/ingest/unsubscribed-usage.ts';

const usagesOf = (tenant: string, from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => ({
    tenant,
    sku: `sku-${from + index}`,
    pulseCount: 1,
  }));

test('a tenant with too many SKUs leaves room for the others, and what it has counts on', () => {
  const { perTenant } = PAIRS_MAX;
  const total: UnsubscribedUsages = new Map();
  expect(addUsages(total, usagesOf('greedy', 0, 60))).toBe(60);
  expect(addUsages(total, usagesOf('greedy', 50, PAIRS_MAX.total))).toBe(perTenant - 50);
  expect(addUsages(total, usagesOf('other', 0, 5))).toBe(5);
  expect(total.size).toBe(perTenant + 5);
  expect(addUsages(total, usagesOf('greedy', 0, PAIRS_MAX.total))).toBe(perTenant);
  expect(total.get('greedy\nsku-55')?.pulseCount).toBe(3);
});

test('tenants that are many share what there is', () => {
  const total: UnsubscribedUsages = new Map();
  const tenants = Array.from({ length: 12 }, (_, index) => `tenant-${index}`);
  const more = tenants.flatMap((tenant) => usagesOf(tenant, 0, PAIRS_MAX.perTenant));
  expect(addUsages(total, more)).toBe(PAIRS_MAX.total);
  expect(total.size).toBe(PAIRS_MAX.total);
});
