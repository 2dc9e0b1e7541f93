import { describe, expect, test } from 'vitest';
import { readCatalogFile } from '../../src/catalog/catalog-file.ts';

describe('a CSV file', () => {
  test.each([
    [
      'units',
      'unit,dimension,factor\ndozen,count,12\n',
      { unit: 'dozen', dimension: 'count', factor: '12' },
    ],
    [
      'customers',
      'id,name,email,tenant\n1,Acme,,acme\n',
      { id: '1', name: 'Acme', tenant: 'acme' },
    ],
    [
      'products',
      'sku,name,unit,active,recurring\nA,Thing,count,true,false\n',
      { sku: 'A', name: 'Thing', unit: 'count', active: true, recurring: false },
    ],
    [
      'prices',
      'sku,currency,unit_amount,valid_from,tiers\nA,USD,2,2026-01-01T00:00:00Z,"{""mode"":""volume"",""steps"":[]}"\n',
      {
        sku: 'A',
        currency: 'USD',
        unit_amount: '2',
        valid_from: '2026-01-01T00:00:00Z',
        tiers: { mode: 'volume', steps: [] },
      },
    ],
  ])('is one of %s by its header', (kind, text, value) => {
    const expected = { rows: [{ kind, line: 2, value }], mistakes: [] };
    expect(readCatalogFile(text)).toEqual(expected);
    expect(readCatalogFile(`\uFEFF${text.replaceAll('\n', '\r\n')}`)).toEqual(expected);
  });

  test('keeps quoted text, and names the line that it cannot read', () => {
    const text = 'id,name\n1,"Acme, ""Inc.""\nof Berlin"\n2\n3,Umbrella\n4,Too,many\n';
    const { rows, mistakes } = readCatalogFile(text);
    expect(rows.map(({ line, value }) => [line, value])).toEqual([
      [3, { id: '1', name: 'Acme, "Inc."\nof Berlin' }],
      [5, { id: '3', name: 'Umbrella' }],
    ]);
    expect(mistakes.map(({ line }) => line)).toEqual([4, 6]);
  });

  test.each(['', 'name,mail\na,b\n', '"open'])('without a known header is refused: %j', (text) => {
    const { rows, mistakes } = readCatalogFile(text);
    expect(rows).toEqual([]);
    expect(mistakes).toHaveLength(1);
  });
});

describe('a JSON file', () => {
  test('gives each row its line, and leaves out null members', () => {
    const text = [
      '{',
      '  "products": [',
      '    {"sku": "]", "name": "a\\"[,", "unit": "count"},',
      '    {"sku": "B",',
      '     "name": null}, 7',
      '  ],',
      '  "prices": [],',
      '  "units": [{"unit": "dozen"}]',
      '}',
    ].join('\n');
    expect(readCatalogFile(text)).toEqual({
      rows: [
        { kind: 'products', line: 3, value: { sku: ']', name: 'a"[,', unit: 'count' } },
        { kind: 'products', line: 4, value: { sku: 'B' } },
        { kind: 'products', line: 5, value: 7 },
        { kind: 'units', line: 8, value: { unit: 'dozen' } },
      ],
      mistakes: [],
    });
  });

  test('may contain a text of ten million characters', () => {
    const { rows } = readCatalogFile(`{"units": [\n"${'x'.repeat(10_000_000)}"]}`);
    expect(rows.map(({ line }) => line)).toEqual([2]);
  });

  test.each([
    ['{"units": [}', /Unexpected token/],
    ['[1]', /must be an object/],
    ['{"unit": []}', /is not one of units, customers, products, prices/],
    ['{"units": {}}', /must be a list/],
  ])('is refused with a reason: %s', (text, message) => {
    const { rows, mistakes } = readCatalogFile(text);
    expect(rows).toEqual([]);
    expect(mistakes).toEqual([{ line: 1, message: expect.stringMatching(message) as string }]);
  });
});
