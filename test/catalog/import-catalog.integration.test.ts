/** Imports on a real Postgres, as it sees them. */
import { pino } from 'pino';
import type { Pool, PoolClient } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { exportCatalog } from '../../src/catalog/export-catalog.ts';
import { importCatalog } from '../../src/catalog/import-catalog.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

let services: IsolatedServices;
let pool: Pool;
beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
});
afterAll(async () => {
  await pool.end();
  await services.close();
});

test('rows that cannot be stored cost Postgres no memory until the end of the file', async () => {
  const rows = Array.from({ length: 200 }, (_, index) => `sku-${index},Thing,parsec`);
  let depth = 0;
  const countLevels = async (client: PoolClient): Promise<void> => {
    const { rows: found } = await client.query<{ depth: number }>(
      `SELECT count(*)::int AS depth FROM pg_backend_memory_contexts WHERE name = 'CurTransactionContext'`,
    );
    depth = found[0]?.depth ?? NaN;
  };
  const connect = async () => before('ROLLBACK AND CHAIN', await pool.connect(), countLevels);
  const text = ['sku,name,unit', ...rows].join('\n');
  const { errors } = await importCatalog({ connect }, text, 'test');
  expect(errors).toHaveLength(200);
  // One for each savepoint that is open.
  expect(depth).toBeLessThan(3);
});

test('a price starts in the years 1 to 9999 in UTC, so that an export can be imported', async () => {
  const price = (from: string) => `A,EUR,1,${from}`;
  const header = 'sku,currency,unit_amount,valid_from';
  await importCatalog(pool, 'sku,name,unit\nA,Thing,count', 'test');
  const wrong = ['9999-12-31T23:59:59-23:59', '0000-01-01T00:00:00+23:59', '0000-06-01T00:00:00Z'];
  const refused = await importCatalog(pool, [header, ...wrong.map(price)].join('\n'), 'test');
  expect(refused.errors.map(({ line }) => line)).toEqual([2, 3, 4]);
  for (const { message } of refused.errors) expect(message).toContain('years 1 to 9999');
  const right = ['9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z'];
  const text = [header, ...right.map(price)].join('\n');
  expect((await importCatalog(pool, text, 'test')).errors).toEqual([]);
  const exported = await exportCatalog(pool);
  expect((await importCatalog(pool, JSON.stringify(exported), 'test')).errors).toEqual([]);
  expect(await exportCatalog(pool)).toEqual(exported);
});

/** The client, which does something else before one statement. */
function before(
  statement: string,
  client: PoolClient,
  work: (client: PoolClient) => Promise<void>,
): PoolClient {
  const query = client.query.bind(client) as (...values: unknown[]) => Promise<unknown>;
  return Object.assign(client, {
    query: async (...values: unknown[]) => {
      if (values[0] === statement) await work({ ...client, query } as unknown as PoolClient);
      return query(...values);
    },
  });
}
