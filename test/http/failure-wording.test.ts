import { Type, type TSchema } from 'typebox';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createApp } from '../../src/api/app.ts';
import { REPORTS } from '../../src/commands/reports.ts';
import type { Api, ApiModule } from '../../src/http/api-module.ts';
import { hasWording } from '../../src/http/failure-wording.ts';
import { createTestApp, OPTIONS, testDeps } from '../api/api-fixture.ts';

/** Keywords that cannot fail themselves: what they hold may. */
const HOLDERS: Readonly<Record<string, 'schemas by name' | 'schema'>> = {
  properties: 'schemas by name',
  patternProperties: 'schemas by name',
  items: 'schema',
};
/** They say something to people or set a value. */
const NOTES = new Set(['title', 'description', 'examples', 'default']);

/** What of a schema has no wording, as `place: keyword value`. */
function unworded(schema: unknown, place: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([keyword, value]: [string, unknown]) => {
    const inner = `${place}/${keyword}`;
    if (NOTES.has(keyword)) return [];
    if (HOLDERS[keyword] === 'schema') return unworded(value, inner);
    if (HOLDERS[keyword] === 'schemas by name') {
      return Object.entries(value as object).flatMap(([name, one]) =>
        unworded(one, `${inner}/${name}`),
      );
    }
    const own = hasWording(keyword, value) ? [] : [`${place}: ${keyword} ${JSON.stringify(value)}`];
    const nested = keyword === 'anyOf' ? (value as unknown[]) : [];
    return [...own, ...nested.flatMap((one) => unworded(one, inner))];
  });
}

test('every keyword, type, pattern and format that a request may fail has a wording', async () => {
  const { app } = await createTestApp();
  const schemas: [place: string, schema: unknown][] = app.routeTable.flatMap(
    ({ method, url, schema }) =>
      (['body', 'querystring', 'params'] as const).flatMap((part) => {
        const found = schema?.[part] as { content?: unknown } | undefined;
        // Routes with several media types read their bodies themselves.
        if (found === undefined || found.content !== undefined) return [];
        return [[`${method} ${url} ${part}`, found] as [string, unknown]];
      }),
  );
  for (const { name, parameters } of REPORTS.values()) schemas.push([`report ${name}`, parameters]);
  await app.close();
  expect(schemas.length).toBeGreaterThan(100);
  expect(schemas.flatMap(([place, schema]) => unworded(schema, place))).toEqual([]);
  expect(unworded({ anyOf: [{ type: 'string', pattern: '^x$' }, { not: {} }] }, 'body')).toEqual([
    'body/anyOf: pattern "^x$"',
    'body/anyOf: not {}',
  ]);
});

const TEXT = Type.String({ minLength: 2, maxLength: 3 });
const FIELDS = {
  currency: Type.String({ pattern: '^[A-Z]{3}$' }),
  email: Type.String({ format: 'email' }),
  id: Type.String({ format: 'uuid' }),
  at: Type.String({ format: 'date-time' }),
  text: TEXT,
  code: Type.String({ minLength: 1, pattern: '^[A-Z]{3}$' }),
  signature: Type.String({ minLength: 4, maxLength: 4 }),
  count: Type.Integer({ minimum: 1, maximum: 9 }),
  flag: Type.Boolean(),
  yes: Type.Literal(true),
  state: Type.Enum(['open', 'closed']),
  list: Type.Array(Type.String(), { minItems: 1, maxItems: 2, uniqueItems: true }),
  pair: Type.Array(Type.Integer(), { minItems: 2 }),
  members: Type.Record(Type.String(), Type.Integer(), { minProperties: 1, maxProperties: 1 }),
  user: Type.Union([TEXT, Type.Integer({ minimum: 0 })]),
  users: Type.Array(Type.Union([TEXT, Type.Null()])),
  unworded: Type.Unsafe<string>({ not: { type: 'string' } }),
} satisfies Record<string, TSchema>;

const MODULE: ApiModule = {
  tag: { name: 'test', description: 'For this test.' },
  problems: {},
  addRoutes(api) {
    const config = { public: true } as const;
    const body = Type.Partial(Type.Object(FIELDS), { additionalProperties: false });
    api.post('/body', { schema: { body }, config }, () => ({}));
    const querystring = Type.Partial(Type.Pick(Type.Object(FIELDS), ['at', 'count', 'currency']));
    api.get('/query', { schema: { querystring }, config }, () => ({}));
  },
};

let app: Api;
beforeAll(async () => {
  app = await createApp({ ...testDeps(), modules: [MODULE] }, OPTIONS);
});
afterAll(() => app.close());

interface Problem {
  readonly errors: readonly { field: string; message: string }[];
}

test.each([
  [{ currency: 'usd' }, 'currency must be three capital letters such as USD'],
  [{ email: 'x' }, 'email must be an email address such as billing@acme.example'],
  [{ id: 'x' }, 'id must be a UUID such as 6c1de0a2-94f3-4f6c-9c3b-5f1a2b7e8d90'],
  [{ at: 'x' }, 'at must be an RFC 3339 instant such as 2026-01-31T13:00:00Z'],
  [{ at: 7 }, 'at must be a text in double quotes'],
  [{ text: 'x' }, 'text must have at least 2 characters'],
  [{ text: 'xxxx' }, 'text must have at most 3 characters'],
  [{ code: '' }, 'code must not be empty'],
  [{ signature: 'x' }, 'signature must have exactly 4 characters'],
  [{ count: 0 }, 'count must be at least 1'],
  [{ count: 10 }, 'count must be at most 9'],
  [{ count: '5' }, 'count must be a whole number'],
  [{ flag: 'true' }, 'flag must be true or false'],
  [{ yes: false }, 'yes must be true'],
  [{ state: 'ajar' }, 'state must be one of open, closed'],
  [{ list: [] }, 'list must not be empty'],
  [{ list: ['a', 'b', 'c'] }, 'list must have at most 2 elements'],
  [{ list: ['a', 'a'] }, 'list must not have two equal elements'],
  [{ list: 'a' }, 'list must be an array'],
  [{ pair: [1] }, 'pair must have at least 2 elements'],
  [{ members: {} }, 'members must not be empty'],
  [{ members: { a: 1, b: 2 } }, 'members must have at most 1 member'],
  [{ members: [] }, 'members must be a JSON object'],
  [{ user: true }, 'user must be a text in double quotes or a whole number'],
  [{ user: 'x' }, 'user must have at least 2 characters'],
  [{ user: -1 }, 'user must be at least 0'],
  [{ users: [1] }, 'users.0 must be a text in double quotes or null'],
  [{ users: ['x', null, 'xxxx'] }, 'users.0 must have at least 2 characters'],
  [{ unworded: 'x' }, 'unworded is not valid'],
  [[], 'body must be a JSON object'],
])('%j is refused with: %s', async (payload, sentence) => {
  const res = await app.inject({ method: 'POST', url: '/api/v1/body', payload });
  expect(res.statusCode).toBe(400);
  const [first] = res.json<Problem>().errors;
  expect(`${first?.field} ${first?.message}`).toBe(sentence);
});

test('of alternatives, only what is wrong with the meant one is told, for each element', async () => {
  const payload = { users: ['x', 5, 'xxxx'], user: {} };
  const res = await app.inject({ method: 'POST', url: '/api/v1/body', payload });
  expect(res.json<Problem>().errors).toEqual([
    { field: 'user', message: 'must be a text in double quotes or a whole number' },
    { field: 'users.0', message: 'must have at least 2 characters' },
    { field: 'users.1', message: 'must be a text in double quotes or null' },
    { field: 'users.2', message: 'must have at most 3 characters' },
  ]);
});

test.each([
  [
    'at=today',
    'must be an RFC 3339 instant such as 2026-01-31T13:00:00Z (in a URL write + as %2B)',
  ],
  ['count=many', 'must be a whole number'],
  ['count=1&count=2', 'must be given only once'],
  ['currency=USD&currency=EUR', 'must be given only once'],
])('the query %s is refused: %s', async (query, message) => {
  const res = await app.inject({ url: `/api/v1/query?${query}` });
  expect(res.json<Problem>().errors).toMatchObject([{ message }]);
});
