import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readAsTenants } from '../../src/platform/scoped-postgres.ts';
import {
  addUnsubscribedUsage,
  forgetUnsubscribedUsage,
  listUnsubscribed,
} from '../../src/subscriptions/admission-query.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = new Pool({ connectionString: services.databaseUrl });
});
beforeEach(() => pool.query('TRUNCATE unsubscribed_usage').then(() => undefined));
afterAll(async () => {
  await pool.end();
  await services.close();
});

const usage = (tenant: string, sku: string, pulseCount: number) => ({ tenant, sku, pulseCount });
const list = async (scope: 'all' | string[] = 'all', page: { limit?: number } = {}) =>
  listUnsubscribed(pool, { scope, limit: 10, ...page });

test('counts add up by tenant and SKU', async () => {
  await addUnsubscribedUsage(pool, [usage('b', 'vm', 2), usage('a', 'vm', 1)]);
  const [first] = await list();
  await addUnsubscribedUsage(pool, [usage('a', 'vm', 5), usage('a', 'disk', 1)]);
  const rows = await list();
  expect(rows.map(({ tenant, sku, pulseCount }) => [tenant, sku, pulseCount])).toEqual([
    ['a', 'disk', 1],
    ['a', 'vm', 6],
    ['b', 'vm', 2],
  ]);
  expect(rows[1]?.firstSeenAt).toEqual(first?.firstSeenAt);
  expect(rows[1]?.lastSeenAt.getTime()).toBeGreaterThan(Number(first?.lastSeenAt.getTime()));
});

test('pages follow each other, and hold only the tenants of the caller', async () => {
  const pairs = ['a', 'b', 'c'].flatMap((tenant) => [
    usage(tenant, 'disk', 1),
    usage(tenant, 'vm', 1),
  ]);
  await addUnsubscribedUsage(pool, pairs);
  const seen: string[] = [];
  for (let after: { tenant: string; sku: string } | undefined; ;) {
    const rows = await listUnsubscribed(pool, { scope: ['a', 'c'], limit: 3, after });
    seen.push(...rows.map(({ tenant, sku }) => `${tenant} ${sku}`));
    after = rows.at(-1);
    if (rows.length < 3) break;
  }
  expect(seen).toEqual(['a disk', 'a vm', 'c disk', 'c vm']);
});

test('a caller of one tenant sees only its rows, whatever is asked for', async () => {
  await addUnsubscribedUsage(pool, [usage('a', 'vm', 1), usage('b', 'vm', 1)]);
  const rows = await readAsTenants(pool, ['a'], (client) =>
    listUnsubscribed(client, { scope: 'all', limit: 10 }),
  );
  expect(rows.map(({ tenant }) => tenant)).toEqual(['a']);
});

test('a full table takes counts of the pairs that it has, and no new pairs', async () => {
  await addUnsubscribedUsage(pool, [usage('a', 'vm', 1), usage('b', 'vm', 1)]);
  const more = [usage('a', 'vm', 1), usage('c', 'vm', 7)];
  expect(await addUnsubscribedUsage(pool, more, { total: 2, perTenant: 2 })).toBe(1);
  const rows = await list();
  expect(rows.map(({ tenant, pulseCount }) => [tenant, pulseCount])).toEqual([
    ['a', 2],
    ['b', 1],
  ]);
});

test('one tenant fills its own part of the table, and new pairs of others still enter', async () => {
  const rowsMax = { total: 20, perTenant: 3 };
  const pairs = (tenant: string, skus: string) =>
    skus.split(' ').map((sku) => usage(tenant, sku, 1));
  expect(await addUnsubscribedUsage(pool, pairs('greedy', 'a b'), rowsMax)).toBe(2);
  // One of four new ones has room, and those that are known count on.
  expect(await addUnsubscribedUsage(pool, pairs('greedy', 'a b c d e f'), rowsMax)).toBe(3);
  const more = [...pairs('greedy', 'c d e f g h i j k'), ...pairs('other', 'x y')];
  expect(await addUnsubscribedUsage(pool, more, rowsMax)).toBe(3);
  expect((await list()).map(({ tenant, sku, pulseCount }) => [tenant, sku, pulseCount])).toEqual([
    ['greedy', 'a', 2],
    ['greedy', 'b', 2],
    ['greedy', 'c', 2],
    ['other', 'x', 1],
    ['other', 'y', 1],
  ]);
});

test('what was last seen 35 days ago is forgotten', async () => {
  await addUnsubscribedUsage(pool, [usage('a', 'vm', 1), usage('b', 'vm', 1)]);
  await pool.query(
    `UPDATE unsubscribed_usage SET last_seen_at = now() - interval '36 days' WHERE tenant = 'a'`,
  );
  await forgetUnsubscribedUsage(pool);
  expect((await list()).map(({ tenant }) => tenant)).toEqual(['b']);
});
