import { describe, expect, test } from 'vitest';
import { tableLines, type Column } from '../../src/cli/table.ts';

type Row = readonly [name: string, size: number];

const COLUMNS: Column<Row>[] = [
  { heading: 'NAME', text: ([name]) => name, cut: true },
  { heading: 'SIZE', text: ([, size]) => String(size), align: 'right' },
];

describe('a table', () => {
  test('has headings, and columns as wide as their texts', () => {
    expect(
      tableLines(COLUMNS, [
        ['a', 1],
        ['three', 1000],
      ]),
    ).toEqual(['NAME   SIZE', 'a         1', 'three  1000']);
  });

  test('has no line of more than 80 characters, because it cuts columns that may be cut', () => {
    const lines = tableLines(COLUMNS, [
      ['x'.repeat(100), 1],
      ['😀'.repeat(100), 22],
    ]);
    expect(lines.map((line) => Array.from(line).length)).toEqual([80, 80, 80]);
    expect(lines[1]).toBe(`${'x'.repeat(73)}…     1`);
    expect(lines[2]).toBe(`${'😀'.repeat(73)}…    22`);
  });

  test('never cuts a column to less than 8 characters', () => {
    expect(tableLines(COLUMNS, [['x'.repeat(100), 1]], 5)[1]).toBe('xxxxxxx…     1');
  });

  test('escapes control characters, so that foreign text cannot control the terminal', () => {
    expect(tableLines(COLUMNS, [['\u001b[2J\u202e', 1]])[1]).toContain('\\u001b[2J\\u202e');
  });
});
