/** POST /orders against a real Postgres. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import type { Pool } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import type { KeyLimits } from '../../src/http/idempotency-keys.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';

const ORDER = { customer_id: '123', items: [{ sku: 'ABC', qty: 2 }] };
const USERS = { scoped: { role: 'operator', tenants: ['acme'] } } as const;

let services: IsolatedServices;
let pool: Pool;
let app: Api | undefined;
/** What earlier tests left behind: the history of an order cannot be deleted. */
let before = [0, 0];
beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
});
beforeEach(async () => {
  before = await counts();
});
afterEach(async () => {
  await app?.close();
  await pool.query('DELETE FROM idempotency_keys');
});
afterAll(async () => {
  await pool.end();
  await services.close();
});

async function openApp(keyLimits?: KeyLimits) {
  const orders = keyLimits === undefined ? {} : { keyLimits };
  ({ app } = await createTestApp({ pool, identities: fakeIdentities(USERS), orders }));
  return app;
}

/** @param key The value of `Idempotency-Key`; `headers` may use another name for it. */
async function post(
  api: Api,
  body: unknown,
  { key, as = 'alice', url = '/orders', headers = {} }: PostOptions = {},
) {
  const response = await api.inject({
    method: 'POST',
    url,
    headers: {
      ...authorization(forgeToken({ claims: { sub: as } })),
      'content-type': 'application/json',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
      ...headers,
    },
    payload: JSON.stringify(body),
  });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: response.json<Record<string, unknown>>(),
  };
}

interface PostOptions {
  readonly key?: string;
  readonly as?: string;
  readonly url?: string;
  readonly headers?: Record<string, string>;
}

const count = async (table: string): Promise<number> =>
  (await pool.query<{ count: number }>(`SELECT count(*)::int FROM ${table}`)).rows[0]?.count ?? -1;
const counts = async () => [await count('orders'), await count('graphile_worker._private_jobs')];
/** How many orders this test has stored, and how many messages for them. */
const stored = async () => (await counts()).map((now, index) => now - (before[index] ?? 0));

describe('an order', () => {
  test.each(['/orders', '/api/v1/orders'])(
    'is stored at %s with its first message',
    async (url) => {
      const { status, body, headers } = await post(await openApp(), ORDER, { url });
      expect(status).toBe(202);
      expect(body).toEqual({ order_id: expect.any(String) as string, status: 'pending' });
      const id = String(body.order_id);
      expect(headers.location?.endsWith(`/orders/${id}`)).toBe(true);
      expect(await stored()).toEqual([1, 1]);
      const { rows } = await pool.query<{ body: string }>(
        `SELECT convert_from(decode(payload->>'bodyBase64', 'base64'), 'UTF8') AS body
         FROM graphile_worker._private_jobs ORDER BY id DESC LIMIT 1`,
      );
      expect(JSON.parse(rows[0]?.body ?? '')).toMatchObject({ order_id: id });
    },
  );

  test.each([
    ['no items', { ...ORDER, items: [] }],
    ['101 items', { ...ORDER, items: items(101) }],
    ['a SKU twice', { ...ORDER, items: [...ORDER.items, ...ORDER.items] }],
    ['a quantity of 0', { ...ORDER, items: [{ sku: 'ABC', qty: 0 }] }],
    ['a fraction as quantity', { ...ORDER, items: [{ sku: 'ABC', qty: 1.5 }] }],
    ['a text as quantity', { ...ORDER, items: [{ sku: 'ABC', qty: '2' }] }],
    ['a quantity beyond a million', { ...ORDER, items: [{ sku: 'ABC', qty: 1_000_001 }] }],
    ['an unknown member', { ...ORDER, discount: 5 }],
    ['an unknown member of an item', { ...ORDER, items: [{ sku: 'ABC', qty: 1, price: 0 }] }],
    ['an empty customer', { ...ORDER, customer_id: '' }],
    ['a long customer', { ...ORDER, customer_id: 'c'.repeat(129) }],
    ['a control character in a SKU', { ...ORDER, items: [{ sku: 'A\u0000', qty: 1 }] }],
    ['a small currency', { ...ORDER, currency: 'usd' }],
    ['no object', [ORDER]],
  ])('with %s is refused, and nothing is stored', async (_name, body) => {
    const { status, body: problem } = await post(await openApp(), body);
    expect(status, JSON.stringify(problem)).toBe(400);
    expect(problem.errors).not.toHaveLength(0);
    expect(await stored()).toEqual([0, 0]);
  });

  test('for a customer of another tenant is not found by a caller of some tenants', async () => {
    const api = await openApp();
    const customerId = randomUUID();
    await pool.query('INSERT INTO customers (id, name, tenant) VALUES ($1, $1, $2)', [
      customerId,
      `tenant-${customerId}`,
    ]);
    const { status } = await post(api, { ...ORDER, customer_id: customerId }, { as: 'scoped' });
    expect(status).toBe(404);
    expect(await stored()).toEqual([0, 0]);
  });
});

describe('an Idempotency-Key', () => {
  test('answers a repetition with the first order, at both paths and under both names', async () => {
    const api = await openApp();
    const first = await post(api, ORDER, { key: 'once' });
    const repeated = [
      await post(api, ORDER, { key: 'once' }),
      await post(api, ORDER, { key: 'once', url: '/api/v1/orders' }),
      await post(api, ORDER, { headers: { 'x-idempotency-key': 'once' } }),
    ];
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    for (const { status, body, headers } of repeated) {
      expect([status, body]).toEqual([202, first.body]);
      expect(headers['idempotent-replayed']).toBe('true');
    }
    expect(await stored()).toEqual([1, 1]);
  });

  test('creates one order from twenty simultaneous requests', async () => {
    const api = await openApp();
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => post(api, ORDER, { key: 'race' })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect(new Set(answers.map(({ body }) => body.order_id)).size).toBe(1);
    const fresh = answers.filter(({ headers }) => headers['idempotent-replayed'] === undefined);
    expect(fresh).toHaveLength(1);
    expect(await stored()).toEqual([1, 1]);
  });

  test('belongs to its caller and to its body', async () => {
    const api = await openApp();
    await post(api, ORDER, { key: 'mine' });
    const other = await post(api, { ...ORDER, customer_id: '124' }, { key: 'mine' });
    expect(other).toMatchObject({
      status: 422,
      body: { code: 'PULSE_API_IDEMPOTENCY_KEY_REUSED' },
    });
    expect((await post(api, ORDER, { key: 'mine', as: 'bob' })).status).toBe(202);
    expect(await stored()).toEqual([2, 2]);
  });

  test('stays free after a request that failed', async () => {
    const api = await openApp();
    await pool.query('ALTER TABLE order_items ADD CONSTRAINT refuse_all CHECK (qty < 0) NOT VALID');
    try {
      expect((await post(api, ORDER, { key: 'again' })).status).toBe(500);
    } finally {
      await pool.query('ALTER TABLE order_items DROP CONSTRAINT refuse_all');
    }
    expect(await count('idempotency_keys')).toBe(0);
    const again = await post(api, ORDER, { key: 'again' });
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([202, undefined]);
    expect(await stored()).toEqual([1, 1]);
  });

  test.each([
    ['a space', 'two words'],
    ['129 characters', 'k'.repeat(129)],
  ])('with %s is refused', async (_name, key) => {
    const { status, body } = await post(await openApp(), ORDER, { key });
    expect(status).toBe(400);
    expect(JSON.stringify(body.errors)).toContain('Idempotency-Key');
    expect(await stored()).toEqual([0, 0]);
  });

  test('under both names must be one key', async () => {
    const api = await openApp();
    const under = (other: string) =>
      post(api, ORDER, { key: 'one', headers: { 'x-idempotency-key': other } });
    const different = await under('two');
    expect(different.status).toBe(400);
    expect(JSON.stringify(different.body.errors)).toContain('X-Idempotency-Key');
    expect(await stored()).toEqual([0, 0]);
    expect((await under('one')).status).toBe(202);
    expect(await stored()).toEqual([1, 1]);
  });

  test.each<[string, KeyLimits]>([
    ['keys', { keysMax: 1, bytesMax: 1_000_000 }],
    ['stored bytes', { keysMax: 100, bytesMax: 1 }],
  ])('beyond the limit of %s is refused, while a known one is answered', async (_name, limits) => {
    const api = await openApp(limits);
    const first = await post(api, ORDER, { key: 'first' });
    const second = await post(api, ORDER, { key: 'second' });
    expect(second).toMatchObject({ status: 429, body: { code: 'PULSE_API_TOO_MANY_REQUESTS' } });
    expect((await post(api, ORDER, { key: 'first' })).body).toEqual(first.body);
    expect((await post(api, ORDER)).status).toBe(202);
    expect(await stored()).toEqual([2, 2]);
  });
});

function items(length: number) {
  return Array.from({ length }, (_, index) => ({ sku: `sku-${index}`, qty: 1 }));
}
