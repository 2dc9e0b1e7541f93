import { randomUUID } from 'node:crypto';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { USAGE_GROUPS } from '../../src/usage/usage.ts';
import { insertWorkflow } from '../../src/workflows/workflows-query.ts';
import { useQuarantineFixture } from '../quarantine/quarantine-fixture.ts';
import {
  createAnswerCheck,
  operationsOf,
  type OpenApiDocument,
  type PlacedOperation,
} from '../support/openapi-checker.ts';
import { authorization, createTestApp, forgeToken } from './api-fixture.ts';
import {
  HALF_PAIR,
  HOSTILE_TEXTS,
  requestsFor,
  type FuzzRequest,
  type Schema,
} from './request-fuzz.ts';
import { directRpc } from '../subscriptions/direct-rpc.ts';
import { insertBatch } from '../usage/rows-fixture.ts';

vi.setConfig({ testTimeout: 240_000 });

const RUNS_PER_ROUTE = 150;
/** For a route with many parameters, few requests are valid. Without a valid one, the route gets another series. */
const SERIES_MAX = 12;
const TOKEN_SECONDS = 3_600;

/** Text that only the inside of the server contains. */
const INSIDE =
  /\bat \S+ \(|\.[jt]s:\d+|node_modules|SELECT |INSERT INTO|syntax error|pg_|relation "|FastifyError|undefined is not/;

const fixture = useQuarantineFixture();
let app: Api;
let check: ReturnType<typeof createAnswerCheck>;
let operations: PlacedOperation[];
let token: string;

beforeAll(async () => {
  // Populate runs are fakes, because a valid request may ask for ten million pulses.
  ({ app } = await createTestApp(
    {
      pool: fixture.pool,
      replay: fixture.replay,
      sending: fixture.sending,
      usage: fixture.usage,
      subscriptions: { rpc: directRpc(fixture.pool) },
      // An empty queue.
      workflows: { queue: { get: () => Promise.resolve(undefined) } },
    },
    { tokenTtlSeconds: TOKEN_SECONDS },
  ));
  const texts = HOSTILE_TEXTS.filter((text) => !/[\p{Cc}\p{Cs}]/u.test(text) && text.length <= 64);
  await insertBatch(
    fixture.pool,
    texts.map((text) => ({ tenant: text, sku: text, unit: text })),
  );
  await insertWorkflow(fixture.pool, 'all', {
    ...{ id: randomUUID(), dataText: '{}', steps: texts, client: undefined, createdBy: 'test' },
  });
  const document = (await app.inject({ url: '/openapi.json' })).json<OpenApiDocument>();
  operations = operationsOf(document);
  check = createAnswerCheck(document);
  const exp = Math.floor(Date.now() / 1000) + TOKEN_SECONDS / 2;
  token = authorization(forgeToken({ claims: { exp } })).authorization;
});

afterAll(() => app.close());

async function inject(request: FuzzRequest) {
  const { method, ...rest } = request;
  return app.inject({ ...rest, method: method as NonNullable<InjectOptions['method']> });
}

/** The operation that describes a route; undefined for a page, a second path of a route, and HEAD. */
function operationOf(method: string, url: string): PlacedOperation | undefined {
  const path = url.replace(/:(\w+)/g, '{$1}');
  return operations.find((one) => one.path === path && one.method === method.toLowerCase());
}

/** Its GET hands out a workflow. */
const ALWAYS_REFUSED = /^HEAD .*\/workflow\/consume$/;

test('every route returns a valid answer for any input', async () => {
  for (const tenant of ['', 7, null]) {
    await fixture.send({ tenant, product_sku: 'x', use_unity: 'x', used_amount: '1' });
  }
  await fixture.waiting(3);
  const statuses = new Map<string, Set<number>>();
  for (const route of app.routeTable) {
    const name = `${route.method} ${route.url}`;
    const seen = new Set<number>();
    statuses.set(name, seen);
    const property = fc.asyncProperty(requestsFor(route, token), async (request) => {
      const res = await inject(request);
      seen.add(res.statusCode);
      expect(res.statusCode, res.body).not.toBe(500);
      expect(res.statusCode, res.body).toBeLessThan(503);
      expect(res.headers['x-request-id']).toMatch(/^[\w.:-]{1,64}$/);
      if (res.statusCode < 400) return;
      expect(res.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      if (route.method === 'HEAD') return;
      const body = plainBody(res);
      expect(ownWords(body)).not.toMatch(INSIDE);
      expect(JSON.parse(body)).not.toHaveProperty('stack');
      // A damaged path may match another route.
      const operation = operationOf(route.method, route.url);
      if (operation === undefined) return;
      const contentType = String(res.headers['content-type']);
      expect(check(operation, { status: res.statusCode, contentType, body })).toBe(undefined);
    });
    for (let series = 0; series < SERIES_MAX && !haveComeIn(seen); series++) {
      await fc.assert(property, { numRuns: RUNS_PER_ROUTE });
    }
  }
  // A generator whose requests are all refused by validation would prove nothing.
  for (const [name, seen] of statuses) {
    if (ALWAYS_REFUSED.test(name)) continue;
    expect(haveComeIn(seen), `${name}: ${[...seen].join()}`).toBe(true);
  }
});

/** Whether any request got past validation. */
function haveComeIn(statuses: ReadonlySet<number>): boolean {
  return [...statuses].some((status) => ![400, 401, 405, 413, 414, 415].includes(status));
}

/** An answer that names many wrong fields is long enough to be compressed. */
function plainBody({ headers, rawPayload }: Awaited<ReturnType<typeof inject>>): string {
  const isZipped = headers['content-encoding'] === 'gzip';
  return (isZipped ? gunzipSync(rawPayload) : rawPayload).toString();
}

/** The server's own text, without the path and the names of wrong fields, which come from the caller. */
function ownWords(body: string): string {
  const { title, detail, errors } = JSON.parse(body) as Record<string, unknown>;
  expect(detail).not.toBe(title);
  return JSON.stringify(errors === undefined ? [title, detail] : title);
}

interface Listed {
  readonly data: Readonly<Record<string, unknown>>[];
}

describe('in every filter of every list', () => {
  /** With the parameters that make a sum show its tenant, SKU and unit. */
  const filters = () =>
    app.routeTable
      .filter(({ method, schema }) => method === 'GET' && schema?.querystring !== undefined)
      .flatMap(({ url, schema }) => {
        const { properties = {} } = schema!.querystring as Schema;
        // `after` is a position in the list, not a filter.
        const texts = Object.entries(properties).filter(([name, one]) => {
          if (name === 'after') return false;
          const { type, format, enum: words, items } = one;
          const isText = type === 'string' || items?.type === 'string';
          return isText && format === undefined && words === undefined;
        });
        const shown = 'group_by' in properties ? { group_by: USAGE_GROUPS.join(',') } : {};
        return texts.map(([name]) => ({ url, name, shown }));
      });

  test('an injection is an ordinary text that only finds rows with that text', async () => {
    const finding = new Set<string>();
    for (const { url, name, shown } of filters()) {
      for (const text of HOSTILE_TEXTS.filter((one) => !HALF_PAIR.test(one))) {
        const query = new URLSearchParams({ ...shown, [name]: text }).toString();
        const res = await app.inject({ url: `${url}?${query}`, headers: { authorization: token } });
        expect([200, 400, 431], `${url} ${name} ${text}: ${res.body}`).toContain(res.statusCode);
        const isList = String(res.headers['content-type']).startsWith('application/json');
        if (res.statusCode !== 200 || !isList) continue;
        const rows = res.json<Listed>().data;
        // A filter such as `step` looks for one of the `steps`.
        const textsOf = (row: Listed['data'][number]) => [row[name], row[`${name}s`]].flat();
        expect(rows.filter((row) => !textsOf(row).includes(text))).toEqual([]);
        if (rows.length > 0) finding.add(`${url} ${name}`);
      }
    }
    // A filter that finds nothing would pass as well.
    const found = ['pulses', 'usage'].flatMap((list) =>
      USAGE_GROUPS.map((name) => `/api/v1/${list} ${name}`),
    );
    expect([...finding]).toEqual(expect.arrayContaining([...found, '/api/v1/workflow step']));
  });
});
