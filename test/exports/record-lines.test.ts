import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRecordLines } from '../../src/exports/record-lines.ts';

/** As Postgres writes CSV. */
const line = (fields: readonly string[]) =>
  `${fields.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')}\n`;

test('however an answer is cut, its records are counted, end with CRLF, and are the same', () => {
  const field = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', 'é'), maxLength: 8 });
  const rows = fc.array(fc.tuple(field, field), { maxLength: 8 });
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 7 }), (given, size) => {
      const bytes = Buffer.from(given.map(line).join(''));
      const lines = createRecordLines('csv');
      const out: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        out.push(lines.pass(bytes.subarray(at, at + size)));
      }
      const text = Buffer.concat(out).toString();
      expect(lines.count).toBe(given.length);
      expect(parse(text, { record_delimiter: '\r\n' })).toEqual(given);
    }),
  );
});

test('lines of JSON stay as they are', () => {
  const lines = createRecordLines('ndjson');
  const text = '{"a":"\\n"}\n{"b":1}\n';
  expect(lines.pass(Buffer.from(text)).toString()).toBe(text);
  expect(lines.count).toBe(2);
});
