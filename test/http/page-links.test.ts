import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pageLinks } from '../../src/http/page-links.ts';

/** The links by relation, as page numbers. */
function pagesOf(header: string): Record<string, number> {
  return Object.fromEntries(
    [...header.matchAll(/<([^>]+)>; rel="(\w+)"/g)].map(([, target, relation]) => [
      String(relation),
      Number(new URL(target!, 'http://x').searchParams.get('page')),
    ]),
  );
}

test.each([
  [
    { page: 1, limit: 10, total: 0 },
    { first: 1, last: 1 },
  ],
  [
    { page: 1, limit: 10, total: 10 },
    { first: 1, last: 1 },
  ],
  [
    { page: 1, limit: 10, total: 11 },
    { first: 1, next: 2, last: 2 },
  ],
  [
    { page: 2, limit: 10, total: 35 },
    { first: 1, prev: 1, next: 3, last: 4 },
  ],
  [
    { page: 4, limit: 10, total: 35 },
    { first: 1, prev: 3, last: 4 },
  ],
  [
    { page: 9, limit: 10, total: 35 },
    { first: 1, prev: 4, last: 4 },
  ],
])('%j links to %j', (position, expected) => {
  expect(pagesOf(pageLinks('/p', {}, position))).toEqual(expected);
});

test('filters of any characters come back unchanged, in ASCII', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (tenant) => {
      const header = pageLinks('/p', { tenant }, { page: 1, limit: 3, total: 9 });
      expect(header).toMatch(/^[\x20-\x7e]*$/);
      const targets = [...header.matchAll(/<([^>]+)>/g)].map(([, target]) => target!);
      expect(targets).toHaveLength(3);
      for (const target of targets) {
        const { searchParams } = new URL(target, 'http://x');
        expect([...searchParams.keys()]).toEqual(['page', 'limit', 'tenant']);
        expect(searchParams.get('tenant')).toBe(tenant);
      }
    }),
  );
});
