/** The lists of the catalogue that have a cursor of their own, against a real Postgres. */
import { pino } from 'pino';
import type { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { authorization, createTestApp, forgeToken } from '../api/api-fixture.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

interface Page {
  readonly data: readonly Readonly<Record<string, unknown>>[];
  readonly next: string | null;
}

const SKU = 'a/b';
const PRICES = '/products/a%2Fb/prices';
let services: IsolatedServices;
let pool: Pool;
let app: Api;
beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
  ({ app } = await createTestApp({ pool }));
  await pool.query(
    `INSERT INTO products (sku, name, unit) VALUES ($1, 'One', 'count'), ('other', 'Two', 'count')`,
    [SKU],
  );
  // Several start at the same instant, and some within one millisecond.
  await pool.query(
    `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
     SELECT sku, currency, 1, '2026-01-01T00:00:00Z'::timestamptz + number * interval '100 microseconds', 'test'
     FROM unnest(ARRAY[$1, 'other']) sku, generate_series(1, 5) number, unnest(ARRAY['EUR', 'USD']) currency`,
    [SKU],
  );
  await pool.query(
    `INSERT INTO units (unit, dimension, numerator, denominator)
     VALUES ('a.b', 'count', 7, 1), ('·', 'a_b', 7, 1)`,
  );
});
afterAll(async () => {
  await app.close();
  await pool.end();
  await services.close();
});

async function get(path: string) {
  const headers = authorization(forgeToken());
  return await app.inject({ url: path.startsWith('/api') ? path : `/api/v1${path}`, headers });
}

test.each(['x'.repeat(128), '\u{1f389}'.repeat(128), '%'.repeat(128)])(
  'a name of 128 characters can be written and read: %s',
  async (id) => {
    const url = `/api/v1/customers/${encodeURIComponent(id)}`;
    const headers = authorization(forgeToken());
    const put = await app.inject({ method: 'PUT', url, headers, payload: { name: 'Long' } });
    expect(put.statusCode).toBe(201);
    expect((await get(url)).json()).toMatchObject({ id, name: 'Long' });
  },
);

/** The rows of all pages, which follow the link of the page before. */
async function walk(path: string, limit: number) {
  const rows: Page['data'][number][] = [];
  for (let url = `${path}?limit=${limit}`; ;) {
    const response = await get(url);
    const { data, next } = response.json<Page>();
    expect(data.length).toBeLessThanOrEqual(limit);
    rows.push(...data);
    const link = /<(.*)>; rel="next"/.exec(String(response.headers.link))?.[1];
    expect(link === undefined).toBe(next === null);
    if (link === undefined) return rows;
    url = link;
  }
}

test.each([
  ['/units', 3],
  [PRICES, 3],
] as const)('%s has pages, every row once', async (path, limit) => {
  const whole = (await get(path)).json<Page>();
  expect(whole.next).toBeNull();
  expect(whole.data.length).toBeGreaterThanOrEqual(10);
  expect(await walk(path, limit)).toEqual(whole.data);
});

test('prices are of one product, the newest first', async () => {
  const { data } = (await get(PRICES)).json<Page>();
  expect(data.map(({ sku }) => sku)).toEqual(data.map(() => SKU));
  expect(data.map(({ currency }) => currency)).toEqual(
    data.map((_, at) => (at % 2 ? 'USD' : 'EUR')),
  );
  const instants = data.map((price) => String(price.valid_from));
  expect(instants).toEqual([...instants].sort().reverse());
});

test('no list of the catalogue is longer than a thousand rows', async () => {
  await pool.query(
    `INSERT INTO units (unit, dimension, numerator, denominator)
     SELECT 'many' || number, 'many', 1, 1 FROM generate_series(1, 1100) number`,
  );
  await pool.query(
    `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
     SELECT $1, 'GBP', 1, '2025-01-01T00:00:00Z'::timestamptz + number * interval '1 second', 'test'
     FROM generate_series(1, 1100) number`,
    [SKU],
  );
  for (const path of ['/units', PRICES]) {
    const { data, next } = (await get(path)).json<Page>();
    expect([data.length, typeof next]).toEqual([1_000, 'string']);
    expect((await get(`${path}?limit=1001`)).statusCode).toBe(400);
  }
});

test.each([`${PRICES}?after=EUR`, `${PRICES}?after=0`, '/units?after=GB', '/units?after=a_b.%00'])(
  '%s is refused: it is no cursor',
  async (path) => {
    expect((await get(path)).statusCode).toBe(400);
  },
);
