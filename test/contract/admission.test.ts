import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AdmissionTable,
  toIntervals,
  type AdmissionChange,
  type AdmissionRow,
} from '../../src/contract/admission.ts';

const row = (changes: Partial<AdmissionRow> = {}): AdmissionRow => ({
  id: 'one',
  tenant: 'acme',
  sku: 'vm',
  intervals: [100, 200],
  ...changes,
});
const at = (kind: AdmissionChange['kind'], atMs: number): AdmissionChange => ({ kind, atMs });

describe('when a subscription is active', () => {
  test('from each purchase or restart to the next cancellation', () => {
    const changes = [at('purchased', 10), at('canceled', 20), at('restarted', 30)];
    expect(toIntervals(changes, 0)).toEqual([10, 20, 30, Infinity]);
  });

  test('never without a purchase', () => {
    expect(toIntervals([], 0)).toEqual([]);
  });

  test('a withdrawn cancellation leaves no gap', () => {
    expect(toIntervals([at('purchased', 10), at('canceled', 50)], 0)).toEqual([10, 50]);
    expect(toIntervals([at('purchased', 10)], 0)).toEqual([10, Infinity]);
  });

  test('what ended before the oldest pulse is left out', () => {
    const changes = [at('purchased', 10), at('canceled', 20), at('restarted', 30)];
    expect(toIntervals(changes, 19)).toEqual([10, 20, 30, Infinity]);
    expect(toIntervals(changes, 20)).toEqual([30, Infinity]);
    expect(toIntervals([at('purchased', 10), at('canceled', 20)], 20)).toEqual([]);
  });
});

describe('AdmissionTable', () => {
  test('admits from the start, and no longer from the end on', () => {
    const table = new AdmissionTable([row()]);
    const admitted = [99, 100, 199, 200].filter((usedAtMs) => table.admits('acme', 'vm', usedAtMs));
    expect(admitted).toEqual([100, 199]);
  });

  test('admits what was used before a cancellation, whenever it is asked', () => {
    const table = new AdmissionTable([row({ intervals: [100, Infinity] })]);
    table.apply([row({ intervals: [100, 200] })]);
    expect(table.admits('acme', 'vm', 199)).toBe(true);
    expect(table.admits('acme', 'vm', 200)).toBe(false);
  });

  test('admits neither another tenant nor another SKU', () => {
    const table = new AdmissionTable([row()]);
    expect(table.admits('other', 'vm', 150)).toBe(false);
    expect(table.admits('acme', 'disk', 150)).toBe(false);
  });

  test('a subscription without a SKU admits every SKU of its tenant, next to one of its own', () => {
    const table = new AdmissionTable([row({ id: 'two', sku: null, intervals: [180, 300] }), row()]);
    expect(table.admits('acme', 'disk', 190)).toBe(true);
    expect(table.admits('acme', 'vm', 250)).toBe(true);
    expect(table.admits('acme', 'disk', 150)).toBe(false);
    expect(table.admits('other', 'disk', 190)).toBe(false);
  });

  test('a customer without a tenant admits nothing', () => {
    const table = new AdmissionTable([row({ tenant: null })]);
    expect(table.admits('null', 'vm', 150)).toBe(false);
  });

  test('a changed customer takes its subscriptions to the new tenant', () => {
    const table = new AdmissionTable([row()]);
    table.apply([row({ tenant: 'new' })]);
    expect(table.admits('acme', 'vm', 150)).toBe(false);
    expect(table.admits('new', 'vm', 150)).toBe(true);
    table.apply([row({ tenant: null })]);
    expect(table.admits('new', 'vm', 150)).toBe(false);
  });

  test('one of two subscriptions that ends leaves the other', () => {
    const table = new AdmissionTable([row(), row({ id: 'two', intervals: [100, 200] })]);
    expect(table.admits('acme', 'vm', 150)).toBe(true);
    table.apply([row({ intervals: [] })]);
    expect(table.admits('acme', 'vm', 150)).toBe(true);
    table.apply([row({ id: 'two', intervals: [] })]);
    expect(table.admits('acme', 'vm', 150)).toBe(false);
  });

  test('admits exactly what some subscription covers, in whatever steps they came', () => {
    const intervals = fc
      .uniqueArray(fc.nat(40), { maxLength: 8 })
      .map((times) => times.sort((one, other) => one - other))
      .map((times) => times.slice(0, times.length - (times.length % 2)));
    const rows = fc.array(
      fc.record({
        id: fc.constantFrom('a', 'b', 'c', 'd'),
        tenant: fc.constantFrom('acme', 'other', null),
        sku: fc.constantFrom('vm', 'disk', null),
        intervals,
      }),
      { maxLength: 12 },
    );
    const pulse = fc.tuple(fc.constantFrom('acme', 'other'), fc.constantFrom('vm', 'disk'));
    fc.assert(
      fc.property(rows, pulse, fc.nat(40), (given, [tenant, sku], usedAtMs) => {
        const table = new AdmissionTable();
        for (const one of given) {
          table.apply([one]);
          table.admits(tenant, sku, usedAtMs);
        }
        const newest = [...new Map(given.map((one) => [one.id, one])).values()];
        const isCovered = newest.some(
          (one) =>
            one.tenant === tenant &&
            (one.sku === null || one.sku === sku) &&
            one.intervals.some(
              (start, index) =>
                index % 2 === 0 && start <= usedAtMs && usedAtMs < (one.intervals[index + 1] ?? 0),
            ),
        );
        expect(table.admits(tenant, sku, usedAtMs)).toBe(isCovered);
      }),
    );
  });
});
