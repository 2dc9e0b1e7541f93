/** Exports and workflows of callers with many tenants, and large questions. */
import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { shareOf } from '../../src/core/tenant-scope.ts';
import { announceReady } from '../../src/exports/announce-ready.ts';
import { endExport, expireExports, listExports } from '../../src/exports/exports-query.ts';
import type { Export } from '../../src/exports/exports.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { insertWorkflow } from '../../src/workflows/workflows-query.ts';
import { useExportsFixture } from './exports-fixture.ts';

const fixture = useExportsFixture();

/** The most that a user may have, with the longest names. */
const MANY = Array.from({ length: 1_000 }, () => randomBytes(64).toString('hex'));
const LARGE = { tenant: MANY.slice(0, 100), product_sku: MANY.slice(100, 200) };

test('exports of a caller with many tenants expire, and are canceled', async () => {
  const [ready, queued] = [await fixture.ask({}, MANY), await fixture.ask({}, MANY)];
  await fixture.pool.query(
    `UPDATE exports SET state = 'ready', sha256 = repeat('0', 64), byte_count = 1, ended_at = now(),
       expires_at = now() - interval '1 second' WHERE id = $1`,
    [ready.id],
  );
  expect((await expireExports(fixture.pool, 10)).map(({ id }) => id)).toEqual([ready.id]);
  expect(await endExport(fixture.pool, queued.id)).toMatchObject({ state: 'canceled' });
});

test('a caller with many tenants inserts a workflow', async () => {
  const id = randomUUID();
  const given = { id, dataText: '{}', steps: ['one'], client: undefined, createdBy: 'test' };
  await insertWorkflow(fixture.pool, MANY, given);
  const { rows } = await fixture.pool.query('SELECT share FROM workflow_shares');
  expect(rows).toEqual([{ share: shareOf(MANY) }]);
});

test('a migration hashes what was stored in whole, as a caller does', async () => {
  const whole = JSON.stringify([...MANY].sort());
  const { rows } = await fixture.pool.query<{ share: string }>(
    `SELECT 'sha256:' || encode(sha256(convert_to($1, 'UTF8')), 'hex') AS share`,
    [whole],
  );
  expect(rows[0]?.share).toBe(shareOf(MANY));
});

test('a page of exports ends early when their questions are large', async () => {
  const ids: string[] = [];
  for (let count = 0; count < 200; count++) {
    const { id } = await fixture.ask({ report: 'usage', parameters: LARGE });
    ids.unshift(id);
  }
  const found: string[] = [];
  let after: string | undefined;
  do {
    const page = await listExports(fixture.pool, {}, { limit: 1_000, after });
    expect(JSON.stringify(page.data).length).toBeLessThan(5_000_000);
    found.push(...page.data.map(({ id }) => id));
    after = page.next ?? undefined;
  } while (after !== undefined);
  expect(found).toEqual(ids);
  const { data, next } = await listExports(fixture.pool, {}, { limit: 2, after: undefined });
  expect(data).toHaveLength(2);
  expect(next).not.toBeNull();
});

test('an export is announced to a customer only if its caller may see that tenant', async () => {
  await fixture.pool.query(
    `INSERT INTO customers (id, name, email, tenant) VALUES ('globex', 'Globex', 'g@example.com', 'globex')`,
  );
  const announcedFor = async (tenants: Export['tenants']) => {
    await fixture.pool.query('DELETE FROM graphile_worker._private_jobs');
    const asked = await fixture.ask({ parameters: { tenant: 'globex' } }, tenants ?? 'all');
    await withTransaction(fixture.pool, (client) => announceReady(client, '', asked));
    const { rowCount } = await fixture.pool.query('SELECT FROM graphile_worker._private_jobs');
    return rowCount;
  };
  expect(await announcedFor(['acme'])).toBe(0);
  expect(await announcedFor(['globex'])).toBe(1);
  expect(await announcedFor(null)).toBe(1);
});
