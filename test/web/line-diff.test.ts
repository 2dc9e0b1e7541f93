import fc from 'fast-check';
import { expect, test } from 'vitest';
import { lineDiff } from '../../web/src/parts/line-diff.ts';

const shown = (before: string, after: string): string[] =>
  lineDiff(before, after).map(({ kind, text, changed }) => {
    const [start, end] = changed ?? [0, 0];
    const marked =
      changed === undefined
        ? text
        : `${text.slice(0, start)}[${text.slice(start, end)}]${text.slice(end)}`;
    return `${{ same: ' ', removed: '-', added: '+' }[kind]}${marked}`;
  });

test('a changed line is removed and added, with the part that differs', () => {
  expect(
    shown('{\n "amount": "-1",\n "unit": "h"\n}', '{\n "amount": "1",\n "unit": "h"\n}'),
  ).toEqual([' {', '- "amount": "[-]1",', '+ "amount": "[]1",', '  "unit": "h"', ' }']);
});

test('lines that stay are found between lines that move', () => {
  expect(shown('a\nb\nc\nd', 'b\nx\nd\ne')).toEqual(['-a', ' b', '-[c]', '+[x]', ' d', '+e']);
});

test('both texts can be read out of their difference', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', '', '{'), { maxLength: 12 });
  fc.assert(
    fc.property(text, text, (old, now) => {
      const lines = lineDiff(old.join('\n'), now.join('\n'));
      const without = (kind: string) =>
        lines.filter((line) => line.kind !== kind).map((line) => line.text);
      expect(without('added').join('\n')).toBe(old.join('\n'));
      expect(without('removed').join('\n')).toBe(now.join('\n'));
    }),
  );
});
