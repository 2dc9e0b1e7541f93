import { expect, test } from 'vitest';
import type { AggregateKey } from '../../src/contract/pulse.ts';
import { KnownKeys, NAME_BYTES_MAX } from '../../src/contract/known-keys.ts';

interface Known {
  readonly key: AggregateKey;
}

function createKeys() {
  const created: Known[] = [];
  const keys = new KnownKeys<Known>((key) => {
    created.push({ key });
    return { key };
  });
  const find = (tenant: string, sku: string, unit: string, windowStartSec = 0) => {
    const bytes = Buffer.from(`{${tenant},${sku},${unit}}`);
    const skuStart = 2 + Buffer.byteLength(tenant);
    const unitStart = skuStart + 1 + Buffer.byteLength(sku);
    const spans = {
      tenantStart: 1,
      tenantEnd: skuStart - 1,
      skuStart,
      skuEnd: unitStart - 1,
      unitStart,
      unitEnd: bytes.length - 1,
    };
    return keys.find(bytes, spans, windowStartSec);
  };
  return { keys, created, find };
}

test('a known key is found by its bytes, and created once', () => {
  const { find, created } = createKeys();
  const first = find('acme', 'vm', 'h');
  expect(first).toEqual({ key: { tenant: 'acme', sku: 'vm', unit: 'h', windowStartSec: 0 } });
  expect(find('acme', 'vm', 'h')).toBe(first);
  expect(created).toHaveLength(1);
});

test('another window, and the same bytes divided otherwise, are other keys', () => {
  const { find } = createKeys();
  const all = [
    find('ab', 'c', 'd'),
    find('a', 'bc', 'd'),
    find('a', 'b', 'cd'),
    find('ab', 'c', 'd', 3_600),
  ];
  expect(new Set(all).size).toBe(4);
  expect(all.map((known) => known?.key)).toEqual([
    { tenant: 'ab', sku: 'c', unit: 'd', windowStartSec: 0 },
    { tenant: 'a', sku: 'bc', unit: 'd', windowStartSec: 0 },
    { tenant: 'a', sku: 'b', unit: 'cd', windowStartSec: 0 },
    { tenant: 'ab', sku: 'c', unit: 'd', windowStartSec: 3_600 },
  ]);
});

test('names are decoded; wrong ones are not kept', () => {
  const { find, created } = createKeys();
  expect(find('a\\"b', '\\u00e9', 'é')).toMatchObject({
    key: { tenant: 'a"b', sku: 'é', unit: 'é' },
  });
  for (const wrong of ['', '\\u0000', '\\x', '\\ud800', 'x'.repeat(129)]) {
    expect(find(wrong, 'vm', 'h')).toBeUndefined();
    expect(find('acme', wrong, 'h')).toBeUndefined();
    expect(find('acme', 'vm', wrong)).toBeUndefined();
  }
  expect(created).toHaveLength(1);
});

test('a decoded key is found, whatever its names look like as JSON', () => {
  const { keys, find } = createKeys();
  // As JSON, the first is what the second is as text.
  for (const tenant of ['a\\b', 'a\\\\b', '"', 'é😀', '\\n']) {
    const key = { tenant, sku: 'vm', unit: 'h', windowStartSec: 0 };
    expect(keys.findDecoded(key)).toEqual({ key });
    expect(find(JSON.stringify(tenant).slice(1, -1), 'vm', 'h')).toBe(keys.findDecoded(key));
  }
});

/** Far faster than `expect` for each. */
function expectTenant(known: Known | undefined, tenant: string): void {
  if (known?.key.tenant !== tenant) expect(known).toMatchObject({ key: { tenant } });
}

test('any number of keys, and of bytes in their names, is found right', () => {
  const { find } = createKeys();
  for (let index = 0; index < 300_000; index++) {
    expectTenant(find(`t${index}`, 'vm', 'h', index % 7), `t${index}`);
  }
  const long = '\\u00e9'.repeat(80);
  expect(long.length).toBeLessThan(NAME_BYTES_MAX);
  for (let index = 0; index < 20_000; index++) {
    expectTenant(find(`${long}${index}`, long, 'h'), `${'é'.repeat(80)}${index}`);
  }
  expect(find('t299999', 'vm', 'h', 299_999 % 7)).toMatchObject({ key: { tenant: 't299999' } });
});
