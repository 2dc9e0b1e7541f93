import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AggregateRow } from '../../src/aggregate/accumulator.ts';
import { toSumField, toSumValue } from '../../src/aggregate/sum-field.ts';
import { COPY_HEADER, COPY_TRAILER, RowEncoder } from '../../src/flush/row-encoder.ts';
import { linesOfBinary } from '../support/binary-copy.ts';
import { toChunk } from '../support/sum-texts.ts';

const BATCH_ID = '0f8fad5b-d9cb-469f-a165-70867728950e';
const HOUR_SEC = 3_600;
const WINDOW = '2026-01-31T23:00:00Z';

const row: fc.Arbitrary<AggregateRow> = fc.record({
  tenant: fc.constantFrom('a', '\\', 'a\\b\\\\', '😀'),
  sku: fc.string({ unit: fc.constantFrom('s', 'é', '\\'), minLength: 1, maxLength: 20 }),
  unit: fc.constantFrom('GB', 'u'),
  windowStartSec: fc.integer({ min: 0, max: 2_000_000 }).map((hour) => hour * HOUR_SEC),
  amount: fc.record({
    high: fc.integer({ min: 0, max: 9_999_999_999_999 }),
    whole: fc.integer({ min: 0, max: 999_999_999_999_999 }),
    nano: fc.integer({ min: 0, max: 999_999_999 }),
  }),
  pulseCount: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

const textsOf = (rows: readonly AggregateRow[]) =>
  rows.flatMap((given) => [toSumField(given), toSumValue(given.pulseCount, given.amount)]);

function encode(chunks: readonly Buffer[], options: { firstId: number; idCount: number }) {
  const encoder = new RowEncoder({ batchId: BATCH_ID, ...options });
  const encoded = chunks.map((chunk) => encoder.encode(chunk));
  const lines = linesOfBinary(Buffer.concat([COPY_HEADER, ...encoded, COPY_TRAILER]));
  return { lines, ...encoder.counts };
}

const nanosOf = ({ amount: { high, whole, nano } }: AggregateRow): bigint =>
  (BigInt(high) * 10n ** 15n + BigInt(whole)) * 10n ** 9n + BigInt(nano);

test('rows are the sums with ids that follow each other, and the counts are exact', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(row, { minLength: 1, maxLength: 8 }), { maxLength: 4 }),
      fc.constantFrom(1, 16_380, 2 ** 32 - 3, 2 ** 52),
      (chunks, firstId) => {
        const rows = chunks.flat();
        const found = encode(
          chunks.map((chunk) => toChunk(textsOf(chunk))),
          { firstId, idCount: rows.length },
        );
        expect(found.lines).toEqual(
          rows.map((given, at) => [firstId + at, ...textsOf([given]), BATCH_ID].join('\t')),
        );
        expect(found.rowCount).toBe(rows.length);
        expect(found.pulseCount).toBe(
          rows.reduce((sum, { pulseCount }) => sum + BigInt(pulseCount), 0n),
        );
        const nanos = String(rows.reduce((sum, given) => sum + nanosOf(given), 0n));
        const padded = nanos.padStart(10, '0');
        const amount = `${padded.slice(0, -9)}.${padded.slice(-9)}`.replace(/\.?0+$/, '');
        expect(found.amount).toBe(amount);
      },
    ),
  );
});

test('blocks are of 2^14 ids and one month, with their first and last window', () => {
  const windows = ['2026-01-31T23:00:00Z', '2026-02-01T00:00:00Z', '2026-01-31T22:00:00Z'];
  const texts = windows.flatMap((window) => [`t\ts\tu\t${window}`, '1\t1']);
  const { blocks } = encode([toChunk(texts), toChunk(texts)], {
    firstId: 2 ** 14 - 3,
    idCount: 6,
  });
  const [before, after, earliest] = windows.map((window) => Date.parse(window) / 1000);
  const january = {
    month: '2026-01-01',
    rowCount: 2,
    windowMinSec: earliest,
    windowMaxSec: before,
  };
  const february = { month: '2026-02-01', rowCount: 1, windowMinSec: after, windowMaxSec: after };
  expect(blocks).toEqual([
    { block: 0, ...january },
    { block: 0, ...february },
    { block: 1, ...january },
    { block: 1, ...february },
  ]);
});

test('rows without an id are counted and not encoded', () => {
  const texts = ['a', 'b', 'c'].flatMap((tenant) => [`${tenant}\ts\tu\t${WINDOW}`, '2\t0.5']);
  const found = encode([toChunk(texts)], { firstId: 7, idCount: 2 });
  expect(found.lines).toHaveLength(2);
  expect(found).toMatchObject({ rowCount: 3, pulseCount: 6n, amount: '1.5' });
});

test.each([
  ['an empty name', `a\t\tu\t${WINDOW}\t1\t1`],
  ['a single backslash', `a\\b\ts\tu\t${WINDOW}\t1\t1`],
  ['a short window', 'a\ts\tu\t2026-01-31\t1\t1'],
  ['letters in a window', 'a\ts\tu\t2026-01-31Tab:00:00Z\t1\t1'],
  ['no count', `a\ts\tu\t${WINDOW}\t\t1`],
  ['a count that is no number', `a\ts\tu\t${WINDOW}\t1x\t1`],
  ['a count that a number cannot hold', `a\ts\tu\t${WINDOW}\t9007199254740992\t1`],
  ['a longer count', `a\ts\tu\t${WINDOW}\t00000000000000001\t1`],
  ['no amount', `a\ts\tu\t${WINDOW}\t1\t`],
  ['a negative amount', `a\ts\tu\t${WINDOW}\t1\t-1`],
  ['two points', `a\ts\tu\t${WINDOW}\t1\t1.1.1`],
  ['too many decimals', `a\ts\tu\t${WINDOW}\t1\t1.0000000001`],
  ['an amount of 31 digits', `a\ts\tu\t${WINDOW}\t1\t${'1'.repeat(31)}`],
  ['half of a sum', `a\ts\tu\t${WINDOW}`],
])('%s is not the text of a sum', (_, text) => {
  expect(() => encode([Buffer.from(text)], { firstId: 1, idCount: 1 })).toThrow(
    'Not the text of a sum',
  );
});

test('ids that a number cannot hold are refused', () => {
  expect(() => encode([], { firstId: 2 ** 53 - 1, idCount: 1 })).toThrow('too many digits');
});
