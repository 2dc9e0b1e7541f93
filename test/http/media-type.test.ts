import { expect, test } from 'vitest';
import { preferredType } from '../../src/http/media-type.ts';

const offered = ['application/json', 'text/csv', 'application/x-ndjson'] as const;

test.each([
  [undefined, 'application/json'],
  ['', 'application/json'],
  ['*/*', 'application/json'],
  ['text/csv', 'text/csv'],
  ['TEXT/CSV; charset=utf-8', 'text/csv'],
  ['text/*', 'text/csv'],
  ['application/x-ndjson, */*;q=0.1', 'application/x-ndjson'],
  ['text/csv;q=0.2, application/json;q=0.9', 'application/json'],
  ['application/json;q=0, */*', 'text/csv'],
  ['text/html,application/xhtml+xml,*/*;q=0.8', 'application/json'],
  ['image/png', 'application/json'],
  ['text/csv;q=nonsense', 'application/json'],
])('Accept: %s is answered with %s', (accept, type) => {
  expect(preferredType(accept, offered)).toBe(type);
});
