/** Imports on a real Postgres, as it sees them. */
import type { Pool, PoolClient } from 'pg';
import { beforeAll, expect, test } from 'vitest';
import { exportCatalog } from '../../src/catalog/export-catalog.ts';
import { importCatalog } from '../../src/catalog/import-catalog.ts';
import { isolatedPool } from '../support/isolated.ts';

const OPTIONS = {
  createdBy: 'test',
  signal: new AbortController().signal,
  onWait: () => undefined,
};

let pool: Pool;
beforeAll(async () => {
  const isolated = await isolatedPool();
  ({ pool } = isolated);
  return () => isolated.close();
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
  const { errors } = await importCatalog({ connect }, text, OPTIONS);
  expect(errors).toHaveLength(200);
  // One for each savepoint that is open.
  expect(depth).toBeLessThan(3);
});

test('a price starts in the years 1 to 9999 in UTC, so that an export can be imported', async () => {
  const price = (from: string) => `A,EUR,1,${from}`;
  const header = 'sku,currency,unit_amount,valid_from';
  await importCatalog(pool, 'sku,name,unit\nA,Thing,count', OPTIONS);
  const wrong = ['9999-12-31T23:59:59-23:59', '0000-01-01T00:00:00+23:59', '0000-06-01T00:00:00Z'];
  const refused = await importCatalog(pool, [header, ...wrong.map(price)].join('\n'), OPTIONS);
  expect(refused.errors.map(({ line }) => line)).toEqual([2, 3, 4]);
  for (const { message } of refused.errors) expect(message).toContain('years 1 to 9999');
  const right = ['9999-12-31T23:59:59Z', '0001-01-01T00:00:00Z'];
  const text = [header, ...right.map(price)].join('\n');
  expect((await importCatalog(pool, text, OPTIONS)).errors).toEqual([]);
  const exported = await exportCatalog(pool);
  expect((await importCatalog(pool, JSON.stringify(exported), OPTIONS)).errors).toEqual([]);
  expect(await exportCatalog(pool)).toEqual(exported);
});

test('imports take turns, however their rows lie', async () => {
  const ids = Array.from({ length: 300 }, (_, index) => `turn-${index},Name`);
  const [one, other] = [ids, ids.toReversed()].map((rows) => ['id,name', ...rows].join('\n'));
  const waits: string[] = [];
  const start = (text: string | undefined, name: string) =>
    importCatalog(pool, text ?? '', { ...OPTIONS, onWait: () => waits.push(name) });
  const results = await Promise.all([start(one, 'one'), start(other, 'other')]);
  expect(results.map(({ errors }) => errors)).toEqual([[], []]);
  expect(waits).toHaveLength(1);
});

test('an import that is stopped imports nothing, whether it has begun or waits', async () => {
  const rows = Array.from({ length: 2_000 }, (_, index) => `stop-${index},Name`);
  const text = ['id,name', ...rows].join('\n');
  const stop = new AbortController();
  // Called by the one that waits, while the other is at work.
  const onWait = (): void => {
    stop.abort();
  };
  const options = { ...OPTIONS, signal: stop.signal, onWait };
  const ended = await Promise.allSettled([1, 2].map(() => importCatalog(pool, text, options)));
  const stopped = { status: 'rejected', reason: stop.signal.reason as Error };
  expect(ended).toEqual([stopped, stopped]);
  const { rows: found } = await pool.query(`SELECT FROM customers WHERE id LIKE 'stop-%'`);
  expect(found).toEqual([]);
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
