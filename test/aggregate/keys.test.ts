import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { shardKeys, shardOf } from '../../src/aggregate/keys.ts';
import { bucketOf, fromSumField, SUM_BUCKETS, toSumField } from '../../src/aggregate/sum-field.ts';
import { SKU_LENGTH_MAX, TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import { arbitraryKeyText, parsedPulse } from '../support/pulses.ts';

const arbitraryKey = fc.record({
  tenant: arbitraryKeyText(TENANT_LENGTH_MAX),
  sku: arbitraryKeyText(SKU_LENGTH_MAX),
  unit: arbitraryKeyText(UNIT_LENGTH_MAX),
  windowStartSec: fc.nat(8_000_000).map((quarters) => quarters * 900),
});

describe('the fields of sums', () => {
  test('every key can be read back from its field', () => {
    fc.assert(
      fc.property(arbitraryKey, (key) => {
        expect(fromSumField(toSumField(key))).toEqual(key);
      }),
    );
  });

  test('two different keys never share a field', () => {
    fc.assert(
      fc.property(arbitraryKey, arbitraryKey, (one, other) => {
        const same = JSON.stringify(Object.entries(one)) === JSON.stringify(Object.entries(other));
        expect(toSumField(one) === toSumField(other)).toBe(same);
      }),
    );
    const moved = { tenant: 'a:b', sku: 'c', unit: 'd', windowStartSec: 0 };
    expect(toSumField(moved)).not.toBe(toSumField({ ...moved, tenant: 'a', sku: 'b:c' }));
  });

  test('the sums of a tenant are in one bucket, and many tenants use all buckets', () => {
    const buckets = new Set<number>();
    for (let index = 0; index < 1_000; index++) {
      const tenant = `tenant-${index}`;
      const one = bucketOf(toSumField(parsedPulse({ tenant, sku: 'a' })));
      expect(bucketOf(toSumField(parsedPulse({ tenant, sku: 'b', windowStartSec: 0 })))).toBe(one);
      buckets.add(one);
    }
    expect(buckets.size).toBe(SUM_BUCKETS);
  });

  test('a field that is not of a sum is refused', () => {
    for (const field of ['batch', 'a\tb\tc', 'a\tb\tc\tnever']) {
      expect(() => fromSumField(field)).toThrow(RangeError);
    }
  });
});

describe('shards', () => {
  test('every key of a shard has its hash tag, so that one call uses one slot', () => {
    for (const key of Object.values(shardKeys(7))) expect(key).toMatch(/^\{7\}:/);
  });

  test('the keys of different shards and of different kinds are different', () => {
    const keys = [0, 1, 10].flatMap((shard) => Object.values<string>({ ...shardKeys(shard) }));
    expect(new Set(keys).size).toBe(keys.length);
  });

  test('a shard depends only on tenant, SKU and unit, so a late duplicate goes to the shard of its first copy', () => {
    fc.assert(
      fc.property(arbitraryKey, fc.integer({ min: 1, max: 1024 }), (key, shards) => {
        const shard = shardOf(key, shards);
        expect(shard).toBeGreaterThanOrEqual(0);
        expect(shard).toBeLessThan(shards);
        expect(Number.isInteger(shard)).toBe(true);
        expect(shardOf({ ...key, windowStartSec: 0 }, shards)).toBe(shard);
      }),
    );
  });

  test('never changes, because a key may have live sums when a release changes', () => {
    const key = { tenant: 'acme', sku: 'vm.small', unit: 'hours', windowStartSec: 0 };
    const emoji = { tenant: 'a:b|c"😀', sku: 'é', unit: '%', windowStartSec: 0 };
    expect([shardOf(key, 1024), shardOf(emoji, 1024)]).toEqual([956, 924]);
  });

  test('a thousand tenants spread over all shards', () => {
    const counts = new Map<number, number>();
    for (let index = 0; index < 1_000; index++) {
      const shard = shardOf(parsedPulse({ tenant: `tenant-${index}` }), 8);
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    expect(counts.size).toBe(8);
    for (const count of counts.values()) expect(count).toBeGreaterThan(60);
  });
});
