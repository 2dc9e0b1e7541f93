import type { LightMyRequestResponse } from 'fastify';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TENANT_LENGTH_MAX, UNIT_LENGTH_MAX } from '../../src/contract/rules.ts';
import type { Api } from '../../src/http/api-module.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { authorization, createTestApp } from '../api/api-fixture.ts';
import { insertBatch } from './rows-fixture.ts';

let services: IsolatedServices;
let pool: Pool;
let app: Api;
let batchIds: string[];

/** Texts that a query string, a Link header or SQL might mishandle. */
const AWKWARD = [
  'a:b|c"😀',
  "' OR '1'='1",
  "x'; DROP TABLE pulses; --",
  '$1',
  '%27',
  'a&tenant=b',
  'a+b c',
  '\\N',
  '<>;"=',
  'ümläut 漢字',
  '__proto__',
];

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
  ({ app } = await createTestApp({ pool }));
  batchIds = [
    await insertBatch(
      pool,
      Array.from({ length: 25 }, (_, hour) => ({
        tenant: 'paged',
        amount: String(hour + 1),
        windowStart: new Date(Date.UTC(2026, 0, 31, hour)).toISOString(),
      })),
    ),
    await insertBatch(
      pool,
      AWKWARD.map((text) => ({ tenant: text, sku: text, unit: text.slice(0, UNIT_LENGTH_MAX) })),
    ),
    await insertBatch(pool, [
      { tenant: 'exact', sku: 'a', amount: '3.500000000', pulseCount: 7 },
      { tenant: 'exact', sku: 'b', amount: '100' },
      { tenant: 'exact', sku: 'c', amount: '0.000000001' },
      { tenant: 'exact', sku: 'd', amount: '12345678901234567890123456789.123456789' },
    ]),
  ];
});

afterAll(async () => {
  await app.close();
  await pool.end();
  await services.close();
});

interface Page {
  data: Record<string, string | number>[];
  page: number;
  limit: number;
  total: number;
}

async function list(query: Record<string, string> = {}) {
  const url = `/api/v1/pulses?${new URLSearchParams(query).toString()}`;
  const res = await app.inject({ url, headers: authorization() });
  expect(res.statusCode, res.body).toBe(200);
  return { ...res.json<Page>(), link: String(res.headers.link) };
}

async function refusal(query: string) {
  const res = await app.inject({ url: `/api/v1/pulses?${query}`, headers: authorization() });
  expect(res.statusCode, query).toBe(400);
  return res.json<{ code: string; errors: { field: string; message: string }[] }>();
}

describe('a page', () => {
  test('has ten rows by ascending id by default, and counts all', async () => {
    const { data, page, limit, total } = await list();
    expect({ page, limit, total }).toEqual({ page: 1, limit: 10, total: 25 + 11 + 4 });
    expect(data.map((row) => row.used_amount)).toEqual(
      Array.from({ length: 10 }, (_, index) => String(index + 1)),
    );
  });

  test('shows all fields of each row, with exact amounts', async () => {
    const { data } = await list({ tenant: 'exact' });
    expect(data[0]).toEqual({
      id: expect.stringMatching(/^\d+$/) as string,
      tenant: 'exact',
      product_sku: 'a',
      use_unity: 'GB',
      used_amount: '3.5',
      pulse_count: 7,
      window_start: '2026-01-31T13:00:00.000Z',
      flush_batch_id: batchIds[2],
      flushed_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string,
    });
    expect(data.map((row) => row.used_amount)).toEqual([
      '3.5',
      '100',
      '0.000000001',
      '12345678901234567890123456789.123456789',
    ]);
  });

  test.each([{}, { tenant: 'paged' }] as Record<string, string>[])(
    'links to the next until every row was seen once: %j',
    async (filters) => {
      const ids: unknown[] = [];
      let url: string | undefined =
        `/api/v1/pulses?${new URLSearchParams({ limit: '7', ...filters }).toString()}`;
      while (url !== undefined) {
        const res: LightMyRequestResponse = await app.inject({ url, headers: authorization() });
        ids.push(...res.json<Page>().data.map((row) => row.id));
        url = /<([^>]+)>; rel="next"/.exec(String(res.headers.link))?.[1];
      }
      const { total, data } = await list({ limit: '1000', ...filters });
      expect(ids).toEqual(data.map((row) => row.id));
      expect(ids).toHaveLength(total);
      expect([...ids].sort((a, b) => Number(a) - Number(b))).toEqual(ids);
    },
  );

  test('beyond the end is empty and links back', async () => {
    const { data, total, link } = await list({ tenant: 'paged', page: '9', limit: '10' });
    expect({ data, total }).toEqual({ data: [], total: 25 });
    expect(link).toContain('page=3&limit=10&tenant=paged>; rel="prev"');
    expect((await list({ page: '10000000', limit: '1000' })).data).toEqual([]);
  });

  test('without rows has only links to the first and the last page', async () => {
    const { data, total, link } = await list({ tenant: 'nobody' });
    expect({ data, total }).toEqual({ data: [], total: 0 });
    expect(link).toBe(
      '</api/v1/pulses?page=1&limit=10&tenant=nobody>; rel="first", ' +
        '</api/v1/pulses?page=1&limit=10&tenant=nobody>; rel="last"',
    );
  });
});

describe('filters', () => {
  test.each(AWKWARD)('find exactly the text %s, and Link keeps it', async (text) => {
    for (const [field, value] of [
      ['tenant', text],
      ['product_sku', text],
      ['use_unity', text.slice(0, UNIT_LENGTH_MAX)],
    ] as const) {
      const { data, total, link } = await list({ [field]: value });
      expect(total).toBe(1);
      expect(data.map((row) => row[field])).toEqual([value]);
      const [, target] = /<([^>]+)>; rel="last"/.exec(link)!;
      const again = await app.inject({ url: target!, headers: authorization() });
      expect(again.json<Page>().data).toEqual(data);
    }
  });

  test('are combined with AND', async () => {
    expect((await list({ tenant: 'exact', product_sku: 'b', use_unity: 'GB' })).total).toBe(1);
    expect((await list({ tenant: 'exact', product_sku: 'b', use_unity: 'TB' })).total).toBe(0);
  });

  test('from is inclusive and to exclusive, whatever their offset', async () => {
    const within = async (from: string, to: string) =>
      (await list({ tenant: 'paged', from, to })).data.map((row) => row.window_start);
    const hours = ['2026-01-31T10:00:00.000Z', '2026-01-31T11:00:00.000Z'];
    expect(await within('2026-01-31T10:00:00Z', '2026-01-31T12:00:00Z')).toEqual(hours);
    expect(await within('2026-01-31T12:00:00+02:00', '2026-01-31T14:00:00+02:00')).toEqual(hours);
    expect(await within('2026-01-31T09:00:00.001Z', '2026-01-31T11:00:00.001Z')).toEqual(hours);
    expect((await list({ from: '2026-02-01T00:00:00Z' })).total).toBe(1);
    expect((await list({ from: '0000-01-01T00:00:00Z', to: '9999-12-31T23:59:59Z' })).total).toBe(
      40,
    );
  });
});

describe('an invalid query is refused, naming the parameter', () => {
  test.each([
    ['page', 'page=0'],
    ['page', 'page=-1'],
    ['page', 'page=1.5'],
    ['page', 'page='],
    ['page', 'page=x'],
    ['page', 'page=10000001'],
    ['page', 'page=1e400'],
    ['page', 'page=Infinity'],
    ['page', 'page=-Infinity'],
    ['page', 'page=1e1'],
    ['page', 'page=0x10'],
    ['page', 'page=%203'],
    ['page', 'page=+3'],
    ['page', 'page=1&page=2'],
    ['limit', 'limit=0'],
    ['limit', 'limit=1001'],
    ['limit', 'limit=null'],
    ['tenant', 'tenant='],
    ['tenant', `tenant=${'x'.repeat(TENANT_LENGTH_MAX + 1)}`],
    ['tenant', 'tenant=a%00b'],
    ['tenant', 'tenant=a&tenant=b'],
    ['product_sku', 'product_sku=%0a'],
    ['use_unity', `use_unity=${'x'.repeat(UNIT_LENGTH_MAX + 1)}`],
    ['from', 'from=yesterday'],
    ['from', 'from=2026-01-31'],
    ['from', 'from=2026-01-31T13:00:00'],
    ['from', 'from=2026-02-30T13:00:00Z'],
    ['from', 'from=2026-01-31T13:00:00+02:00'],
    ['from', 'from=2026-01-31%2013:00:00Z'],
    ['to', 'to=1769864400'],
    ['to', 'from=2026-01-31T13:00:00Z&to=2026-01-31T13:00:00Z'],
    ['to', 'from=2026-01-31T13:00:00Z&to=2026-01-31T12:00:00Z'],
    ['tenent', 'tenent=acme'],
    ['tenant[]', 'tenant[]=acme'],
    ['__proto__', '__proto__=1'],
  ])('%s: %s', async (field, query) => {
    const { code, errors } = await refusal(query);
    expect(code).toBe('PULSE_API_INVALID_REQUEST');
    expect(errors.map((error) => error.field)).toContain(field);
  });

  test('with a message that helps', async () => {
    const [error] = (await refusal('from=2026-01-31T13:00:00+02:00')).errors;
    expect(error!.message).toContain('%2B');
    expect((await refusal('tenent=acme')).errors).toEqual([
      { field: 'tenent', message: 'is not a known query parameter; did you mean tenant?' },
    ]);
  });
});

describe('one row', () => {
  const get = (id: string) => app.inject({ url: `/api/v1/pulses/${id}`, headers: authorization() });

  test('is found by its id, as the list shows it', async () => {
    const [row] = (await list({ tenant: 'exact' })).data;
    const res = await get(String(row!.id));
    expect(res.statusCode).toBe(200);
    expect(res.json()).toEqual(row);
    const head = await app.inject({
      method: 'HEAD',
      url: `/api/v1/pulses/${String(row!.id)}`,
      headers: authorization(),
    });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });

  test.each(['999999999', '9223372036854775807', '9223372036854775808', '9999999999999999999'])(
    'is 404 for the unknown id %s',
    async (id) => {
      const res = await get(id);
      expect(res.statusCode).toBe(404);
      expect(res.json()).toMatchObject({ code: 'PULSE_API_NOT_FOUND' });
    },
  );

  test.each(['0', '-1', '01', '1.0', 'abc', '1e3', '0x1', "1'--", '10000000000000000000', '%00'])(
    'is 400 for %s, which is not an id',
    async (id) => {
      const res = await get(id);
      expect(res.statusCode).toBe(400);
      expect(res.json()).toMatchObject({ errors: [{ field: 'id' }] });
    },
  );
});

test('rows and total come from one snapshot while flushes commit', async () => {
  const state = { writing: true };
  const writer = (async () => {
    for (let batch = 0; batch < 30; batch++) {
      await insertInOneTransaction([{ tenant: 'moving' }, { tenant: 'moving' }]);
    }
    state.writing = false;
  })();
  while (state.writing) {
    const filtered = await list({ tenant: 'moving', limit: '1000' });
    expect(filtered.data).toHaveLength(filtered.total);
    expect(filtered.total % 2).toBe(0);
    const all = await list({ limit: '1000' });
    expect(all.data).toHaveLength(all.total);
  }
  await writer;
});

async function insertInOneTransaction(rows: Parameters<typeof insertBatch>[1]): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    await insertBatch(client as unknown as Pool, rows);
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}
