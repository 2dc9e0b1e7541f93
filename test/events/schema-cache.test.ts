import { expect, test } from 'vitest';
import { createSchemaCache } from '../../src/events/schema-cache.ts';

const version = (name: string, number = 1) => ({ name, version: number, schema: { const: name } });

test('a version is compiled once', () => {
  const cache = createSchemaCache();
  const first = cache(version('a'));
  expect(cache(version('a'))).toBe(first);
  expect(first.validate('a')).toEqual({ ok: true });
  expect(cache(version('a', 2))).not.toBe(first);
  expect(cache(version('b'))).not.toBe(first);
});

test('the version that has not been used for longest makes room', () => {
  const cache = createSchemaCache(2);
  const a = cache(version('a'));
  const b = cache(version('b'));
  cache(version('a'));
  cache(version('c'));
  expect(cache(version('a'))).toBe(a);
  expect(cache(version('b'))).not.toBe(b);
});
