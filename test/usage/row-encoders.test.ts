import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvEncoder } from '../../src/usage/row-encoders.ts';

/** Reads one line according to RFC 4180. */
function parseLine(line: string): string[] {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(?:,|$)/gy;
  while (pattern.lastIndex < line.length) {
    const match = pattern.exec(line);
    if (match === null) throw new Error(`no field at ${pattern.lastIndex}`);
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
  }
  return fields;
}

test('any text can be parsed back unchanged', () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme', minLength: 1 }),
    fc.constantFrom('=1+1', '"', '""', ',', '\n', '\r\n', ' x ', "'", '@a', '\t', '-1'),
  );
  fc.assert(
    fc.property(text, text, (tenant, sku) => {
      const { encode } = csvEncoder({
        window: 'none',
        groups: ['tenant', 'product_sku', 'use_unity'],
      });
      const row = { tenant, product_sku: sku, use_unity: 'GB', used_amount: '1', pulse_count: 2 };
      const line = encode({ ...row, provisional: false });
      expect(line.endsWith('\r\n')).toBe(true);
      expect(parseLine(line.slice(0, -2))).toEqual([tenant, sku, 'GB', '1', '2', 'false']);
    }),
  );
});
