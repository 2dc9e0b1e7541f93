import { expect, test } from 'vitest';
import { inlineValues } from '../../src/exports/copy-statement.ts';

test.each([
  ['2026-01-31T13:00:00Z', '2026-01-31T13:00:00.000Z'],
  ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  // Postgres has no year 0: before 1 AD is 1 BC.
  ['0000-06-01T00:00:00Z', '0001-06-01T00:00:00.000Z BC'],
  ['-000001-12-31T23:00:00Z', '0002-12-31T23:00:00.000Z BC'],
  ['+010000-01-01T00:00:00Z', '10000-01-01T00:00:00.000Z'],
])('the instant %s is written as Postgres reads it', (instant, literal) => {
  expect(inlineValues({ text: 'SELECT $1', values: [new Date(instant)] })).toBe(
    `SELECT '${literal}'`,
  );
});
