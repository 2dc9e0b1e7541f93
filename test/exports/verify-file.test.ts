import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { FileFault, findDifferences, readFileFacts } from '../../src/exports/verify-file.ts';
import type { Manifest } from '../../src/exports/manifest.ts';
import { formatNanos, parseNanos } from '../../src/exports/sum-texts.ts';

const directory = mkdtempSync(join(tmpdir(), 'pulse-verify-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const CSV =
  'tenant,use_unity,used_amount\r\n"a,b",GB,0.1\r\nc,GB,0.2\r\nd,h,99999999999999999999\r\n';
const LINES =
  '{"tenant":"a","use_unity":"GB","used_amount":"0.1"}\n{"tenant":"é","use_unity":"GB","used_amount":"0.2"}\n';

async function check(content: string | Buffer, change: Partial<Manifest> = {}) {
  const path = join(directory, 'file');
  writeFileSync(path, CSV);
  const right = await readFileFacts(path, { format: 'csv', gzip: false });
  const manifest: Manifest = {
    ...{
      version: 1,
      report: 'usage',
      parameters: {},
      tenants: null,
      as_of: '2026-01-01T00:00:00Z',
    },
    ...{ format: 'csv', gzip: false, spreadsheet: false },
    columns: ['tenant', 'use_unity', 'used_amount'],
    ...{ rows: right.rowCount, sums: right.sums, bytes: right.byteCount, sha256: right.sha256 },
    ...change,
  };
  writeFileSync(path, content);
  return findDifferences(manifest, await readFileFacts(path, manifest));
}

describe('a file', () => {
  test('that is whole has no difference', async () => {
    expect(await check(CSV)).toEqual([]);
  });

  test('has exact sums', async () => {
    const path = join(directory, 'sums');
    writeFileSync(path, gzipSync(LINES));
    const facts = await readFileFacts(path, { format: 'ndjson', gzip: true });
    expect(facts).toMatchObject({ rowCount: 2, sums: { GB: '0.3' } });
    writeFileSync(path, CSV);
    expect(await readFileFacts(path, { format: 'csv', gzip: false })).toMatchObject({
      rowCount: 3,
      sums: { GB: '0.3', h: '99999999999999999999' },
    });
  });

  test('with another amount has another sum and another SHA-256', async () => {
    const found = await check(CSV.replace('0.2', '0.3'));
    expect(found).toEqual([
      expect.stringMatching(/^SHA-256: /) as string,
      'sum of GB: the manifest says 0.3, the file has 0.4.',
    ]);
  });

  test('without a row has fewer bytes and rows', async () => {
    const found = await check(CSV.replace('c,GB,0.2\r\n', ''));
    expect(found.map((line) => line.split(':')[0])).toEqual([
      'bytes',
      'SHA-256',
      'rows',
      'sum of GB',
    ]);
  });

  test.each([
    [
      'a line that is cut off',
      `${CSV}x\n`,
      {},
      /^It is not CSV, or it is cut off: .* on line 5\.$/,
    ],
    ['a text that is not JSON', 'x\n', { format: 'ndjson' }, /^Line 1 is not a JSON object\.$/],
    ['null for a row', `${LINES}null\n`, { format: 'ndjson' }, /^Line 3 is not a JSON object\.$/],
    [
      'a last line that is not whole',
      LINES.trimEnd(),
      { format: 'ndjson' },
      /^The last line is not whole\.$/,
    ],
    ['an amount that is none', CSV.replace('0.2', 'x'), {}, /^Row 2: "x" is not an amount\.$/],
    ['bytes that are not UTF-8', Buffer.from([0xff, 10]), { format: 'ndjson' }, /^It is not UTF-8/],
    ['bytes that are not gzip', CSV, { gzip: true }, /^It is not gzip, or it is cut off\.$/],
    [
      'gzip that is cut off',
      gzipSync(CSV).subarray(0, 30),
      { gzip: true },
      /^It is not gzip, or it is cut off\.$/,
    ],
  ] as const)('with %s is said to be wrong in a sentence', async (_, content, change, sentence) => {
    const fault = await check(content, change).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(FileFault);
    expect((fault as FileFault).message).toMatch(sentence);
  });

  test('for a spreadsheet has its units as they stand there', async () => {
    const csv = "\ufefftenant,use_unity,used_amount\r\na,'=x,1\r\n";
    const found = await check(csv, { spreadsheet: true, rows: 1, sums: { '=x': '1' } });
    expect(found.map((line) => line.split(':')[0])).toEqual(['bytes', 'SHA-256']);
  });
});

test.each(['0', '1', '0.000000001', '12345678901234567890.5'])('%s stays as it is', (text) => {
  expect(formatNanos(parseNanos(text))).toBe(text);
});

test.each(['', '-1', '1e3', '0.1234567891', '1.'])('"%s" is not an amount', (text) => {
  expect(() => parseNanos(text)).toThrow(/is not an amount/);
});
