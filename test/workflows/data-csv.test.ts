import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { exactJsonText, parseExactJson, type ExactJson } from '../../src/core/exact-json.ts';
import { tableToCsv, toTable } from '../../src/workflows/data-csv.ts';

async function csvOf(json: string, isForSpreadsheet = false): Promise<string> {
  const read = await toTable(parseExactJson(json));
  if (!read.ok) throw new Error(read.message);
  return tableToCsv(read.table, { isForSpreadsheet });
}

describe('the CSV of data', () => {
  test.each([
    ['an object is one row', '{"a": 1, "b": "x"}', ['a,b', '1,x']],
    ['an array of objects is a row each', '[{"a": 1}, {"a": 2}]', ['a', '1', '2']],
    ['columns are the union, as they appear', '[{"b": 1}, {"a": 2, "b": 3}]', ['b,a', '1,', '3,2']],
    ['nested members have dots', '{"a": {"b": {"c": 1}, "d": 2}}', ['a.b.c,a.d', '1,2']],
    ['arrays are JSON', '{"a": [1, {"b": "x"}]}', ['a', '"[1,{""b"":""x""}]"']],
    ['an empty object is JSON', '{"a": {}, "b": 1}', ['a,b', '{},1']],
    ['a text is a value', '"x"', ['value', 'x']],
    ['a number is a value', '12.50', ['value', '12.50']],
    ['a boolean is a value', 'true', ['value', 'true']],
    ['null is an empty value', 'null', ['value', '""']],
    ['an object without members is a value', '{}', ['value', '{}']],
    ['an array of values is a row each', '[1, "x", null]', ['value', '1', 'x', '""']],
    ['of mixed elements, objects are JSON', '[{"a": 1}, 2]', ['value', '"{""a"":1}"', '2']],
    ['an array without elements has no row', '[]', ['value']],
    [
      'what is missing, null and "" differ as far as they can',
      '[{"a":null,"b":""},{"c":1}]',
      ['a,b,c', ',"",', ',,1'],
    ],
    ['a name may be empty', '{"": 1, "a": {"": 2}}', ['"",a.', '1,2']],
  ])('%s', async (_, json, lines) => {
    expect(await csvOf(json)).toBe(`${lines.join('\r\n')}\r\n`);
  });

  test.each(['0.1', '1.10', '1e2', '1E+2', '-0', '0.00', '12345678901234567890.123456789'])(
    'keeps the number %s as it was written',
    async (number) => {
      expect(await csvOf(`{"n": ${number}, "in": [${number}]}`)).toBe(
        `n,in\r\n${number},[${number}]\r\n`,
      );
    },
  );

  test('quotes what a reader would take apart', async () => {
    const csv = await csvOf(JSON.stringify({ a: 'x,y', b: '"', c: 'a\nb', d: 'a\rb', e: ' x' }));
    expect(csv).toBe('a,b,c,d,e\r\n"x,y","""","a\nb","a\rb"," x"\r\n');
  });

  test('for a spreadsheet has a byte order mark, and runs no formula', async () => {
    const data = '[{"=a": "=1+1", "b": -1, "c": "-x", "d": "@y", "e": "plain", "f": ["=1"]}]';
    expect(await csvOf(data, true)).toBe(
      `\ufeff'=a,b,c,d,e,f\r\n'=1+1,-1,'-x,'@y,plain,"[""=1""]"\r\n`,
    );
  });

  test('has no room for two members in one column', async () => {
    expect(await toTable(parseExactJson('{"a.b": 1, "a": {"b": 2}}'))).toEqual({
      ok: false,
      message: 'has the column "a.b" twice',
    });
    expect(await toTable(parseExactJson('[{"a.b": 1}, {"a": {"b": 2}}]'))).toMatchObject({
      ok: true,
    });
  });

  test('has at most 500,000 cells', async () => {
    const rows = Array.from({ length: 800 }, (_, index) => ({ [`c${index}`]: '' }));
    expect(await toTable(rows)).toMatchObject({
      ok: false,
      message: expect.stringContaining('800 rows of 800 columns') as string,
    });
    expect(await toTable(rows.slice(0, 700))).toMatchObject({ ok: true });
  });

  test('has at most four million characters of column names in all its rows', async () => {
    const members = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [index, '']));
    const row = { ['x'.repeat(10_000)]: members };
    expect(await toTable(Array<typeof row>(20).fill(row))).toMatchObject({
      ok: false,
      message: expect.stringContaining('column names') as string,
    });
    expect(await toTable(Array<typeof row>(19).fill(row))).toMatchObject({ ok: true });
  });

  test('shows the beginning of a long name only', async () => {
    const name = 'x'.repeat(1_000);
    const { message } = (await toTable({ [`${name}.b`]: '', [name]: { b: '' } })) as {
      message: string;
    };
    expect(message).toBe(`has the column "${'x'.repeat(100)}" twice`);
  });
});

/** No U+0000, and no half of a character: such data is refused. */
const text = fc.string({ unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''));
const number = fc.stringMatching(/^-?(0|[1-9]\d{0,20})(\.\d{1,20})?([eE][-+]?\d{1,2})?$/);

/** JSON text whose numbers are written in every way. */
const { json } = fc.letrec<{ json: string }>((tie) => ({
  json: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text.map((value) => JSON.stringify(value)),
    number,
    fc.constantFrom('true', 'false', 'null'),
    fc.array(tie('json'), { maxLength: 5 }).map((items) => `[${items.join(' , ')}]`),
    fc
      .uniqueArray(fc.tuple(text, tie('json')), { maxLength: 5, selector: ([name]) => name })
      .map(
        (members) =>
          `{${members.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`,
      ),
  ),
}));

test('numbers of exact JSON keep every digit, and everything else is what JSON.parse gives', () => {
  fc.assert(
    fc.property(json, (source) => {
      const written = exactJsonText(parseExactJson(source));
      expect(JSON.parse(written)).toEqual(JSON.parse(source));
      const numbersOf = (from: string) =>
        from.replaceAll(/"[^"\\]*(?:\\.[^"\\]*)*"/g, '').match(/-?\d[-+.\deE]*/g) ?? [];
      expect(numbersOf(written).sort()).toEqual(numbersOf(source).sort());
    }),
    { numRuns: 500 },
  );
});

test('a reader of CSV finds every cell of any data', async () => {
  await fc.assert(
    fc.asyncProperty(json, fc.boolean(), async (source, isForSpreadsheet) => {
      const data = parseExactJson(source);
      const read = await toTable(data);
      if (!read.ok) return;
      const csv = await tableToCsv(read.table, { isForSpreadsheet });
      const records = parse(csv, { bom: isForSpreadsheet, relax_column_count: false });
      const undo = (field: string) =>
        isForSpreadsheet && /^'[=+\-@\t\r\n]/.test(field) ? field.slice(1) : field;
      const { columns, rows } = read.table;
      const expected = rows.map((row) => columns.map((column) => plain(row.get(column))));
      expect(records.map((record) => record.map(undo))).toEqual([columns, ...expected]);
    }),
    { numRuns: 500 },
  );
});

/** The text of a cell, written another way. */
function plain(value: ExactJson | undefined): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value.replace(/^\0/, '');
  return exactJsonText(value);
}
