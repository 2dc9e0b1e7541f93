import { describe, expect, test } from 'vitest';
import type { AggregateKey } from '../../src/contract/pulse.ts';
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { ALL_TENANTS_FACTOR } from '../../src/core/tenant-scope.ts';
import { createNewSums, type NewSums, type SumSender } from '../../src/sending/new-sums.ts';

const NOW_MS = Date.parse('2026-11-22T04:10:00Z');
const HOUR_MS = 3_600_000;
const OF_ACME: SumSender = { tenants: ['acme'], caller: 'key:acme' };
const OF_BOTH: SumSender = { tenants: ['acme', 'beta'], caller: 'key:both' };
const OF_ALL: SumSender = { tenants: 'all', caller: 'alice' };

const sum = (changes: Partial<AggregateKey> = {}): AggregateKey => ({
  tenant: 'acme',
  sku: 'cpu',
  unit: 'h',
  windowStartSec: 1_795_320_000,
  ...changes,
});

/** Whether the pulse for this sum is accepted. */
const accepts = (
  sums: NewSums,
  key: AggregateKey,
  sender: SumSender = OF_ACME,
  nowMs: number = NOW_MS,
) => sums.refusalOf(key, sender, nowMs) === undefined;

/** How many of the sums `sku 0`, `sku 1` ... may begin. */
const acceptedOf = (count: number, sums: NewSums, sender: SumSender, tenant = 'acme') =>
  Array.from({ length: count }, (_, index) => sum({ tenant, sku: `sku ${index}` })).filter((key) =>
    accepts(sums, key, sender),
  ).length;

describe('a tenant', () => {
  test('begins as many sums as the limit says, and goes on with them', () => {
    const sums = createNewSums(2);
    expect([accepts(sums, sum()), accepts(sums, sum({ sku: 'disk' }))]).toEqual([true, true]);
    expect(accepts(sums, sum({ sku: 'third' }))).toBe(false);
    for (let count = 0; count < 5; count++) {
      expect([accepts(sums, sum()), accepts(sums, sum({ sku: 'disk' }))]).toEqual([true, true]);
      expect(accepts(sums, sum({ sku: 'third' }))).toBe(false);
    }
  });

  test.each([
    ['SKU', { sku: 'disk' }],
    ['unit', { unit: 'min' }],
    ['window', { windowStartSec: 1_795_323_600 }],
  ])('begins a sum with every new %s', (_name, changes) => {
    const sums = createNewSums(1);
    expect(accepts(sums, sum())).toBe(true);
    expect(accepts(sums, sum(changes))).toBe(false);
  });

  test('cannot make names run together', () => {
    const sums = createNewSums(1);
    expect(accepts(sums, sum({ sku: 'ab', unit: 'c' }))).toBe(true);
    expect(accepts(sums, sum({ sku: 'a', unit: 'bc' }))).toBe(false);
  });

  test('may have names of any script and full length', () => {
    const sums = createNewSums(2);
    const longest = sum({
      tenant: '🂡'.repeat(TENANT_LENGTH_MAX),
      sku: '🂡'.repeat(SKU_LENGTH_MAX),
      unit: '🂡'.repeat(UNIT_LENGTH_MAX),
    });
    expect(accepts(sums, longest)).toBe(true);
    expect(accepts(sums, { ...longest, unit: `${longest.unit.slice(2)}🂢` })).toBe(true);
    expect(accepts(sums, { ...longest, unit: `${longest.unit.slice(2)}🂣` })).toBe(false);
    expect(accepts(sums, longest)).toBe(true);
  });

  test('is told the limit, what is still accepted, and when it ends', () => {
    const sums = createNewSums(1);
    accepts(sums, sum());
    expect(sums.refusalOf(sum({ sku: 'disk' }), OF_ACME, NOW_MS)).toBe(
      'The tenant has reached the limit of 1 new sums (of a tenant, SKU, unit and window) in an hour. ' +
        'Pulses for sums that have begun are still accepted, and for new ones again from 2026-11-22T05:00:00.000Z.',
    );
  });

  test('begins as many again when the next hour of UTC begins', () => {
    const sums = createNewSums(1);
    const nextHourMs = Math.ceil(NOW_MS / HOUR_MS) * HOUR_MS;
    expect(accepts(sums, sum())).toBe(true);
    const disk = sum({ sku: 'disk' });
    expect(accepts(sums, disk, OF_ACME, nextHourMs - 1)).toBe(false);
    expect(accepts(sums, disk, OF_ACME, nextHourMs)).toBe(true);
    expect(accepts(sums, sum(), OF_ACME, nextHourMs)).toBe(false);
  });

  test('is not affected by another, even if the same caller sends for both', () => {
    const sums = createNewSums(1);
    expect(acceptedOf(5, sums, OF_BOTH, 'acme')).toBe(1);
    expect(acceptedOf(5, sums, OF_BOTH, 'beta')).toBe(1);
  });

  test('has one limit, whoever sends for it', () => {
    const sums = createNewSums(3);
    expect(acceptedOf(2, sums, OF_ACME)).toBe(2);
    expect(acceptedOf(5, sums, OF_BOTH)).toBe(3);
  });
});

describe('a caller of all tenants', () => {
  test('has a limit of its own, which new tenants do not evade', () => {
    const sums = createNewSums(2);
    const accepted = Array.from({ length: 100 }, (_, index) => sum({ tenant: `t${index}` }));
    expect(accepted.filter((key) => accepts(sums, key, OF_ALL))).toHaveLength(
      2 * ALL_TENANTS_FACTOR,
    );
    expect(sums.refusalOf(sum(), OF_ALL, NOW_MS)).toMatch(
      /^The caller has reached the limit of 20 new sums /,
    );
    expect(accepts(sums, sum({ tenant: 't0' }), OF_ALL)).toBe(true);
  });

  test('takes nothing from a tenant, or from another such caller', () => {
    const sums = createNewSums(1);
    expect(acceptedOf(50, sums, OF_ALL)).toBe(ALL_TENANTS_FACTOR);
    expect(acceptedOf(50, sums, { ...OF_ALL, caller: 'bob' }, 'beta')).toBe(ALL_TENANTS_FACTOR);
    expect(acceptedOf(50, sums, OF_ACME)).toBe(1);
  });

  test('does not share the limit of a tenant with its name', () => {
    const sums = createNewSums(1);
    const sender = { tenants: ['alice'], caller: 'key:1' };
    expect(accepts(sums, sum({ tenant: 'alice' }), sender)).toBe(true);
    expect(acceptedOf(50, sums, OF_ALL)).toBe(ALL_TENANTS_FACTOR);
  });
});

test('every sum that has begun is known while the table grows', () => {
  const sums = createNewSums(100_000);
  expect(acceptedOf(100_500, sums, OF_ACME)).toBeGreaterThanOrEqual(100_000);
  // Two sums with the same hash count as one, and 100,000 sums have one such pair on average.
  expect(acceptedOf(100_500, sums, OF_ACME)).toBeLessThan(100_050);
  expect(acceptedOf(100_000, sums, OF_ACME)).toBe(100_000);
});

describe('when the memory is full', () => {
  /** Room for two sets with tables of 64 slots. */
  const BYTES_MAX = 2 * 512;

  test('nobody is refused for it: every tenant begins anew', () => {
    const sums = createNewSums(1, BYTES_MAX);
    expect(acceptedOf(5, sums, OF_BOTH, 'acme')).toBe(1);
    expect(acceptedOf(5, sums, OF_BOTH, 'beta')).toBe(1);
    expect(acceptedOf(5, sums, OF_BOTH, 'acme')).toBe(1);
    expect(acceptedOf(5, sums, OF_BOTH, 'gamma')).toBe(1);
    expect(accepts(sums, sum({ sku: 'sku 1' }), OF_BOTH)).toBe(true);
    expect(accepts(sums, sum({ sku: 'sku 0' }), OF_BOTH)).toBe(false);
  });

  test('a table that would grow begins anew, too', () => {
    const sums = createNewSums(60, BYTES_MAX);
    expect(acceptedOf(1, sums, OF_BOTH, 'beta')).toBe(1);
    // 48 fill the table, so the 49th is the first of another.
    expect(acceptedOf(60, sums, OF_BOTH, 'acme')).toBe(60);
    expect(accepts(sums, sum({ sku: 'sku 60' }), OF_BOTH)).toBe(true);
  });

  test('a tenant at its limit frees nothing, whatever it sends', () => {
    const sums = createNewSums(48, BYTES_MAX);
    expect(acceptedOf(48, sums, OF_BOTH, 'beta')).toBe(48);
    expect(acceptedOf(1_000, sums, OF_BOTH, 'acme')).toBe(48);
    expect(acceptedOf(49, sums, OF_BOTH, 'beta')).toBe(48);
  });
});

test('without a limit, every sum may begin', () => {
  expect(acceptedOf(10_000, createNewSums(undefined), OF_ACME)).toBe(10_000);
});
