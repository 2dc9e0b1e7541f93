import type { LightMyRequestResponse } from 'fastify';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { authorization, createTestApp } from '../api/api-fixture.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { insertBatch } from './rows-fixture.ts';

let services: IsolatedServices;
let pool: Pool;
let app: Api;

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
  ({ app } = await createTestApp({ pool }));
  for (const tenant of ['walked', 'other']) {
    const hours = Array.from({ length: 25 }, (_, hour) => new Date(Date.UTC(2026, 0, 31, hour)));
    await insertBatch(
      pool,
      hours.map((hour) => ({ tenant, windowStart: hour.toISOString() })),
    );
  }
});

afterAll(async () => {
  await app.close();
  await pool.end();
  await services.close();
});

interface Page {
  readonly data: readonly { readonly id: string }[];
  readonly next: string | null;
}

const get = (query: Record<string, string>): Promise<LightMyRequestResponse> => {
  const url = `/api/v1/pulses?${new URLSearchParams(query).toString()}`;
  return app.inject({ url, headers: authorization() });
};

test.each([{}, { tenant: 'walked', from: '2026-01-31T10:00:00Z' }] as Record<string, string>[])(
  'a walk ends when every row was seen once, by next and by Link: %j',
  async (filters) => {
    const expected = (await get({ limit: '1000', ...filters })).json<Page>().data;
    const rows: unknown[] = [];
    let query: Record<string, string> | undefined = { after: '0', limit: '7', ...filters };
    while (query !== undefined) {
      const res: LightMyRequestResponse = await get(query);
      const { data, next, ...rest } = res.json<Page>();
      expect(rest).toEqual({ limit: 7 });
      rows.push(...data);
      const link: string | undefined = /<[^?]+\?([^>]+)>; rel="next"/.exec(
        String(res.headers.link),
      )?.[1];
      query = link === undefined ? undefined : Object.fromEntries(new URLSearchParams(link));
      expect(query).toEqual(next === null ? undefined : { limit: '7', ...filters, after: next });
    }
    expect(rows).toEqual(expected);
    const again = await get({ after: expected.at(-1)!.id, ...filters });
    expect(again.json()).toEqual({ data: [], limit: 10, next: null });
  },
);

test('beyond every id there is nothing', async () => {
  for (const after of ['1000000', '9223372036854775807', '9999999999999999999']) {
    expect((await get({ after })).json()).toEqual({ data: [], limit: 10, next: null });
  }
});

test.each([
  ['after', { after: '' }],
  ['after', { after: '-1' }],
  ['after', { after: '01' }],
  ['after', { after: 'x' }],
  ['after', { after: '10000000000000000000' }],
  ['page', { after: '0', page: '1' }],
] as [string, Record<string, string>][])('%s is refused in %j', async (field, query) => {
  const res = await get(query);
  expect(res.statusCode).toBe(400);
  expect(res.json()).toMatchObject({ errors: [{ field }] });
});
