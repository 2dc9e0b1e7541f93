import { expect, test } from 'vitest';
import { pageHas } from '../../src/aggregate/seen-store.ts';
import { idAt, randomIds } from './seen-fixture.ts';

test('a page has its ids, and none made of the end of one and the beginning of the next', () => {
  const page = randomIds(50, 1);
  for (let index = 0; index < 50; index++) expect(pageHas(page, page, index * 10)).toBe(true);
  const between = page.subarray(5, 15);
  expect(pageHas(page, between, 0)).toBe(false);
  expect(pageHas(Buffer.concat([page, between]), between, 0)).toBe(true);
  expect(pageHas(page, idAt(randomIds(1, 2), 0), 0)).toBe(false);
});
