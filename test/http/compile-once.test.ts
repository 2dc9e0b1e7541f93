import { expect, test } from 'vitest';
import { compileOnce } from '../../src/http/compile-once.ts';

interface Route {
  readonly schema: object;
  readonly url?: string;
}

/** A compiler that numbers what it compiles. */
function createNumbering() {
  let count = 0;
  return compileOnce((schemas: object, options: object) => ({ schema }: Route) => {
    count++;
    return { count, schemas, options, schema };
  });
}

test('schemas with the same text are compiled once, for all routes and instances', () => {
  const build = createNumbering();
  const first = build({}, {})({ schema: { type: 'string' }, url: '/a' });
  expect(build({}, {})({ schema: { type: 'string' }, url: '/b' })).toBe(first);
});

test('another schema, or other schemas to refer to, or other options, are compiled anew', () => {
  const build = createNumbering();
  const schema = { $ref: 'name#' };
  build({}, {})({ schema });
  expect(build({}, {})({ schema: { type: 'number' } })).toMatchObject({ count: 2 });
  const schemas = { name: { $id: 'name', type: 'string' } };
  expect(build(schemas, {})({ schema })).toMatchObject({ count: 3, schemas });
  expect(build({}, { mode: 'debug' })({ schema })).toMatchObject({ count: 4 });
});
