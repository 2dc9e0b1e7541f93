/** Requests for any route, generated from its schemas: valid, nearly valid, and hostile. */
import fc from 'fast-check';
import type { Api } from '../../src/http/api-module.ts';

type RouteEntry = Api['routeTable'][number];

/** The part of JSON Schema that the routes use. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly examples?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
  /** For bodies with several media types. */
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

/** One request, ready to be injected. */
export interface FuzzRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload?: string;
}

/** What has broken other servers: SQL, COPY, URLs, templates, JSON, and text that is not valid Unicode. */
export const HOSTILE_TEXTS = [
  "' OR '1'='1",
  "'; DROP TABLE pulses; --",
  '") UNION SELECT password_hash FROM users --',
  '$1',
  '%',
  '_',
  '\\',
  '\\N',
  '\\.',
  'a\tb\nc\r',
  '"quoted"',
  '\u0000',
  '\ud800',
  '\u202e',
  '😀'.repeat(200),
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '${7*7}{{7*7}}',
  '<script>alert(1)</script>',
  '=cmd()',
  '1e400',
  'NaN',
  '-0',
  '9223372036854775808',
  '99999999999999999999999999999999',
  'x'.repeat(5_000),
];

/** Half of a surrogate pair, which no encoding can represent. */
export const HALF_PAIR = /\p{Cs}/u;

const hostileText = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXTS),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^%[0-9a-fA-F]{2}[%?#&;=/]*$/),
);

const hostileValue = fc.oneof(
  hostileText,
  fc.constantFrom(null, true, 0, -1, 1.5, 1e21, Number.MAX_SAFE_INTEGER),
  fc.jsonValue({ maxDepth: 3 }),
);

/** A value that the schema allows, or nearly allows where a format or pattern is hard to generate. */
export function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(valueOf));
  const types = [schema.type ?? 'object'].flat();
  const made = fc.oneof(...types.map((type) => valueOfType(type, schema)));
  if (schema.examples === undefined || schema.properties !== undefined) return made;
  // Such a text has rules that its schema does not express, so most generated values are refused.
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...schema.examples) },
    { weight: 1, arbitrary: made },
  );
}

function valueOfType(type: string, schema: Schema): fc.Arbitrary<unknown> {
  const { properties = {}, required = [], items, minimum, maximum } = schema;
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: minimum ?? -1_000, max: Math.min(maximum ?? 1_000, 2 ** 31 - 1) });
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'array':
      return fc.array(valueOf(items ?? {}), { maxLength: Math.min(schema.maxItems ?? 4, 4) });
    case 'string':
      return textOf(schema);
    default:
      return fc.record(
        Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, valueOf(one)])),
        { requiredKeys: [...required] },
      );
  }
}

const FIRST_DATE = new Date('0001-01-01T00:00:00Z');
const LAST_DATE = new Date('9999-12-31T23:59:59Z');

function textOf({ format, pattern, minLength = 0, maxLength = 64 }: Schema): fc.Arbitrary<string> {
  if (format === 'uuid') return fc.uuid();
  if (format === 'date-time') {
    return fc
      .date({ min: FIRST_DATE, max: LAST_DATE, noInvalidDate: true })
      .map((date) => date.toISOString());
  }
  const bounds = { minLength, maxLength: Math.max(minLength, Math.min(maxLength, 128)) };
  const free = fc.oneof(fc.string(bounds), fc.string({ ...bounds, unit: 'grapheme' }));
  const digits = fc.bigInt({ min: 1n, max: 10n ** 19n }).map(String);
  return pattern?.includes('0-9') === true ? fc.oneof(digits, free) : free;
}

/** One member replaced, removed or added, as by a typing mistake. */
function spoilt(value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(value, fc.nat(), hostileValue, fc.nat(2)).map(([one, at, poison, how]) => {
    if (typeof one !== 'object' || one === null) return poison;
    const members: [string, unknown][] = Object.entries(one);
    const index = members.length === 0 ? 0 : at % members.length;
    if (how === 0) members.splice(index, 1);
    else if (how === 1 && members[index] !== undefined)
      members[index] = [members[index][0], poison];
    else members.push([typeof poison === 'string' ? poison : 'extra', poison]);
    return Array.isArray(one) ? members.map(([, member]) => member) : Object.fromEntries(members);
  });
}

/** Valid half of the time, because a request that validation refuses tests nothing behind it. */
function partOf(schema: Schema | undefined): fc.Arbitrary<unknown> {
  if (schema === undefined) return fc.constant({});
  const valid = valueOf(schema);
  return fc.oneof(
    { weight: 3, arbitrary: valid },
    { weight: 2, arbitrary: spoilt(valid) },
    { weight: 1, arbitrary: hostileValue },
  );
}

/** A body of any media type that the route accepts, as text. A text schema means lines of JSON or any other text. */
function bodyOf(schema: Schema | undefined): fc.Arbitrary<[string, string] | undefined> {
  if (schema === undefined) return fc.constant(undefined);
  const content = schema.content ?? { 'application/json': { schema } };
  const [first = 'application/json'] = Object.keys(content);
  const wellTyped = Object.entries(content).map(([mediaType, { schema: one }]) =>
    partOf(one).map((value): [string, string] => [
      mediaType,
      one.type === 'string' && typeof value === 'string' ? value : JSON.stringify(value),
    ]),
  );
  const lines = fc
    .array(partOf(content[first]!.schema), { maxLength: 3 })
    .map((values) => values.map((value) => JSON.stringify(value)).join('\n'));
  const anyType = fc.constantFrom(
    ...Object.keys(content),
    'text/plain',
    'application/xml',
    '',
    'x',
  );
  const raw = fc.oneof(
    hostileText,
    lines,
    fc.json().map((text) => text.slice(1)),
  );
  return fc.oneof(
    { weight: 4, arbitrary: fc.oneof(...wellTyped) },
    { weight: 1, arbitrary: fc.tuple(anyType, raw) },
  );
}

/** Possible header values: printable ASCII and Latin-1. */
const headerText = fc.oneof(
  fc.string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  }),
  fc.constantFrom('*', 'gzip', 'W/"x"', 'text/csv', 'application/x-ndjson', '""'),
);
const HEADERS = ['accept', 'accept-encoding', 'if-none-match', 'x-request-id', 'idempotency-key'];
const headersOf = fc.dictionary(
  fc.constantFrom(...HEADERS, 'range', 'origin', 'content-encoding', 'ce-id', 'ce-specversion'),
  headerText,
  { maxKeys: 3 },
);

/** Requests for the route; `authorization` is valid in most of them. */
export function requestsFor(
  { method, url, schema }: RouteEntry,
  authorization: string,
): fc.Arbitrary<FuzzRequest> {
  const { params, querystring, body } = (schema ?? {}) as Readonly<Record<string, Schema>>;
  return fc
    .record({
      params: partOf(params),
      query: partOf(querystring),
      body: bodyOf(body),
      headers: fc.oneof(fc.constant({}), headersOf),
      token: fc.oneof(
        { weight: 19, arbitrary: fc.constant(authorization) },
        { weight: 1, arbitrary: headerText },
      ),
    })
    .map(({ params: values, query, body: sent, headers, token }) => ({
      method,
      url: pathOf(url, values) + queryOf(query),
      headers: {
        ...headers,
        authorization: token,
        ...(sent === undefined ? {} : { 'content-type': sent[0] }),
      },
      ...(sent === undefined ? {} : { payload: sent[1] }),
    }));
}

function pathOf(pattern: string, values: unknown): string {
  const given = typeof values === 'object' && values !== null ? values : {};
  return pattern.replace(/:(\w+)|\*/g, (_, name: string | undefined) => {
    const value: unknown = name === undefined ? values : new Map(Object.entries(given)).get(name);
    return encode(value);
  });
}

function queryOf(query: unknown): string {
  if (typeof query !== 'object' || query === null) {
    return query === undefined ? '' : `?${encode(query)}`;
  }
  const parts = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((one) => `${encode(name)}=${encode(one)}`),
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

/** A half surrogate has no URL encoding, so it is sent as the bytes that a careless client would send. */
function encode(value: unknown): string {
  // A missing value becomes a text too, because a path needs every segment.
  const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
  return HALF_PAIR.test(text) ? '%ED%A0%80' : encodeURIComponent(text);
}
