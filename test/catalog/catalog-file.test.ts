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
    const expected = { rows: [{ kind, line: 2, value }], errors: [] };
    expect(readCatalogFile(text)).toEqual(expected);
    expect(readCatalogFile(`\uFEFF${text.replaceAll('\n', '\r\n')}`)).toEqual(expected);
  });

  test('keeps quoted text, and names the line that it cannot read', () => {
    const text = 'id,name\n1,"Acme, ""Inc.""\nof Berlin"\n2\n3,Umbrella\n4,Too,many\n';
    const { rows, errors } = readCatalogFile(text);
    expect(rows.map(({ line, value }) => [line, value])).toEqual([
      [3, { id: '1', name: 'Acme, "Inc."\nof Berlin' }],
      [5, { id: '3', name: 'Umbrella' }],
    ]);
    expect(errors.map(({ line }) => line)).toEqual([4, 6]);
  });

  test.each(['', 'name,mail\na,b\n', '"open'])('without a known header is refused: %j', (text) => {
    const { rows, errors } = readCatalogFile(text);
    expect(rows).toEqual([]);
    expect(errors).toHaveLength(1);
  });
});

describe('a CSV file with an error', () => {
  test.each([
    ['id,name,id\n1,a,2\n', 1, 'the header has the column "id" twice'],
    ['\n\nid;name;email\n1;a;b\n', 3, 'semicolons separate the columns: separate them by commas'],
    ['id\tname\n', 1, 'tabs separate the columns: separate them by commas'],
    [
      'name,mail\na,b\n',
      1,
      'no table has the columns name, mail: see `pulse catalog import --help`',
    ],
    ['', 1, 'has no header: see `pulse catalog import --help`'],
    ['id,name\n1\n', 2, 'has 1 instead of 2 cells'],
    ['id,name\n2,"b\n3,c\n', 2, 'a " that opens a cell in this line or below is never closed'],
    [
      '"id"x,name\nid,name\n',
      1,
      'text follows the " that closes a cell: write "" for a double quote inside a cell',
    ],
    [
      'id,name\n1,a"b\n',
      2,
      'a cell has a " inside: put the cell into double quotes, and write "" for the one inside',
    ],
    [
      'sku,currency,tiers\nA,USD,"{""mode"":""volume"",""mode"":""graduated""}"\n',
      2,
      'tiers: mode is in the same object twice',
    ],
    [
      'sku,currency,tiers\nA,USD,5x\n',
      2,
      'tiers: is not JSON: neither a number, true, false, null nor a text in double quotes: x',
    ],
  ])('is refused with its line: %j', (text, line, message) => {
    const file = readCatalogFile(text);
    expect(file.errors).toEqual([{ line, message }]);
    expect(file.rows).toEqual([]);
  });

  test('keeps a column named __proto__, which is then refused', () => {
    const [row] = readCatalogFile('id,name,__proto__\n1,a,x\n').rows;
    expect(Object.entries(row?.value as object)).toContainEqual(['__proto__', 'x']);
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
      errors: [],
    });
  });

  test('may contain a text of ten million characters', () => {
    const { rows } = readCatalogFile(`{"units": [\n"${'x'.repeat(10_000_000)}"]}`);
    expect(rows.map(({ line }) => line)).toEqual([2]);
  });

  test('may contain a text of twelve million escapes', () => {
    const { rows } = readCatalogFile(`{"units": [\n"${'\\n'.repeat(12_000_000)}"]}`);
    expect(rows.map(({ line }) => line)).toEqual([2]);
  });

  test.each([
    ['\n\n\n{"customers":[\n{"id":"x1","name":1},\n{"id":"x2" "name":"a"}]}', 6],
    ['\uFEFF\n\n{"units":\n[1,]}', 4],
    ['{"units":[\n"a\n"]}', 2],
    ['{"units":[\n"\\q"]}', 2],
    ['{"units":[]}\n\nx', 3],
    ['{"units":[]\n', 2],
    ['{"units":{}\n,\n"unit":1}', 1],
  ])('names the line of an error: %j', (text, line) => {
    expect(readCatalogFile(text).errors[0]?.line).toBe(line);
  });

  test('names the lines of a member that is in an object twice', () => {
    const text = [
      '{"customers": [{"id": "1", "name": "a"}],',
      ' "prices": [{"sku": "A", "tiers": {"steps": [{"up_to": 1,',
      '   "up_to": 2}]}}],',
      ' "customers": []}',
    ].join('\n');
    expect(readCatalogFile(text).errors).toEqual([
      { line: 3, message: 'up_to: is in the same object twice, first in line 2' },
      { line: 4, message: 'customers: is in the same object twice, first in line 1' },
    ]);
  });

  test.each([
    ['{"units": [}', /is not JSON: found } where a value must be/],
    ['[1]', /must be an object/],
    ['{"unit": []}', /is not one of units, customers, products, prices/],
    ['{"units": {}}', /must be a list/],
  ])('is refused with a reason: %s', (text, message) => {
    const { rows, errors } = readCatalogFile(text);
    expect(rows).toEqual([]);
    expect(errors).toEqual([{ line: 1, message: expect.stringMatching(message) as string }]);
  });
});
