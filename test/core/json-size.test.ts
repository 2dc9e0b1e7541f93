import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasTooManyValues, JSON_VALUES_MAX } from '../../src/core/json-size.ts';

const isRefused = (json: string) => hasTooManyValues(Buffer.from(json));
const members = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, 1]));
/** Longer than a text that is never refused. */
const LONG = 'long, with [brackets], {braces} and "quotes" \\ '.repeat(2_000);

test('a document is refused if it has too many members or elements, whatever its shape', () => {
  const tooMany = JSON_VALUES_MAX + 1;
  expect(isRefused(JSON.stringify(members(tooMany)))).toBe(true);
  expect(isRefused(JSON.stringify(Array(tooMany).fill(0)))).toBe(true);
  expect(isRefused(JSON.stringify(Array(tooMany).fill({})))).toBe(true);
  expect(isRefused(JSON.stringify(Array(tooMany).fill([1]), null, 1))).toBe(true);
  expect(isRefused('['.repeat(70_000))).toBe(true);
  expect(isRefused(JSON.stringify(members(JSON_VALUES_MAX)))).toBe(false);
});

test('the content of strings does not count', () => {
  expect(isRefused(JSON.stringify({ content: JSON.stringify(members(JSON_VALUES_MAX * 2)) }))).toBe(
    false,
  );
  expect(isRefused(JSON.stringify({ content: LONG.repeat(10) }))).toBe(false);
});

test('a broken line does not hide the lines after it', () => {
  const line = JSON.stringify(members(1_000));
  expect(isRefused(`"\n${`${line}\n`.repeat(51)}`)).toBe(true);
});

test('a document with few values is never refused', () => {
  fc.assert(
    fc.property(fc.json({ stringUnit: 'binary' }), (json) => {
      expect(isRefused(`[${JSON.stringify(LONG)}, ${json}]`)).toBe(false);
    }),
    { numRuns: 50 },
  );
});
