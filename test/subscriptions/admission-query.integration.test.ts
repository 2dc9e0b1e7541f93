import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AdmissionTable } from '../../src/contract/admission.ts';
import { putCustomer } from '../../src/catalog/catalog-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { readAsTenants } from '../../src/platform/scoped-postgres.ts';
import {
  addUnsubscribedUsage,
  forgetUnsubscribedUsage,
  listUnsubscribed,
  readAdmission,
} from '../../src/subscriptions/admission-query.ts';
import {
  changeSubscription,
  purchaseSubscription,
  withdrawChange,
  type ChangeTransaction,
} from '../../src/subscriptions/change-subscription.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

const ORIGIN = { cause: 'command', changedBy: 'test' } as const;
const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);
/** Names of this test. */
let own = '';
let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = new Pool({ connectionString: services.databaseUrl });
});
beforeEach(async () => {
  // Changes of subscriptions cannot be deleted.
  own = randomUUID();
  await pool.query('TRUNCATE unsubscribed_usage');
});
afterAll(async () => {
  await pool.end();
  await services.close();
});

function change<Result>(work: (transaction: ChangeTransaction) => Promise<Result>) {
  return withTransaction(pool, (client) =>
    work({ client, publish: () => Promise.resolve(), prefix: '' }),
  );
}

const putTenant = (tenant: string | null) =>
  putCustomer(pool, {
    id: own,
    name: 'Acme',
    email: null,
    tenant: tenant === null ? null : `${tenant} ${own}`,
  });

async function purchase(changes: { sku?: string; effectiveAt?: Date } = {}) {
  const id = randomUUID();
  const request = { id, userId: own, effectiveAt: daysFromNow(-9), ...changes };
  expect(await change((client) => purchaseSubscription(client, request, ORIGIN))).toMatchObject({
    ok: true,
  });
  return id;
}

async function cancel(id: string, effectiveAt?: Date) {
  const request = { id, kind: 'canceled', effectiveAt } as const;
  expect(await change((client) => changeSubscription(client, request, ORIGIN))).toMatchObject({
    ok: true,
  });
}

const EARLIEST_MS = Date.now() - 35 * DAY_MS;
const read = (since?: string) => readAdmission(pool, { earliestMs: EARLIEST_MS, since });

/** Reads everything, and later only what has changed. */
async function follow() {
  const first = await read();
  let { position } = first;
  const table = new AdmissionTable(first.rows);
  return {
    admits: (tenant: string, sku: string, days: number) =>
      table.admits(`${tenant} ${own}`, sku, daysFromNow(days).getTime()),
    /** @returns The subscriptions that it has found. */
    async update(): Promise<string[]> {
      const next = await read(position);
      table.apply(next.rows);
      position = next.position;
      return next.rows.map(({ id }) => id);
    },
  };
}

describe('readAdmission', () => {
  test('a subscription admits between its changes, pending ones included, withdrawn ones not', async () => {
    await putTenant('acme');
    const id = await purchase({ sku: 'vm' });
    await cancel(id, daysFromNow(-3));
    await change((client) =>
      changeSubscription(client, { id, kind: 'restarted', effectiveAt: daysFromNow(-1) }, ORIGIN),
    );
    await cancel(id, daysFromNow(2));
    await cancel(await purchase({ sku: 'disk' }), daysFromNow(2));
    const withdrawn = await purchase({ sku: 'net' });
    await cancel(withdrawn, daysFromNow(2));
    await change((client) =>
      withdrawChange(client, { id: withdrawn, number: 2, withdrawnBy: 'test' }),
    );
    const { admits } = await follow();
    const days = [-10, -8, -2, -0.5, 1, 3];
    const admitted = (sku: string) => days.filter((day) => admits('acme', sku, day));
    expect(admitted('vm')).toEqual([-8, -0.5, 1]);
    expect(admitted('disk')).toEqual([-8, -2, -0.5, 1]);
    expect(admitted('net')).toEqual([-8, -2, -0.5, 1, 3]);
  });

  test('later reads find every change', async () => {
    await putTenant('acme');
    const old = await purchase({ sku: 'old' });
    const known = await follow();
    const id = await purchase();
    expect(known.admits('acme', 'vm', 0)).toBe(false);
    expect(await known.update()).toContain(id);
    expect(known.admits('acme', 'vm', 0)).toBe(true);
    await cancel(id, daysFromNow(-1));
    await cancel(old, daysFromNow(-1));
    expect(await known.update()).toEqual(expect.arrayContaining([id, old]));
    expect(['vm', 'old'].map((sku) => known.admits('acme', sku, 0))).toEqual([false, false]);
    expect(known.admits('acme', 'vm', -2)).toBe(true);
  });

  test('a changed tenant takes the subscriptions of its customer along', async () => {
    await putTenant('acme');
    const id = await purchase();
    const known = await follow();
    await putTenant('new');
    expect(await known.update()).toContain(id);
    expect([known.admits('acme', 'vm', 0), known.admits('new', 'vm', 0)]).toEqual([false, true]);
    await putTenant(null);
    await known.update();
    expect(known.admits('new', 'vm', 0)).toBe(false);
  });

  test('a customer that comes after its subscription is found', async () => {
    const id = await purchase();
    const known = await follow();
    expect(known.admits('acme', 'vm', 0)).toBe(false);
    await putTenant('acme');
    expect(await known.update()).toContain(id);
    expect(known.admits('acme', 'vm', 0)).toBe(true);
  });

  test('a change that commits after a later one was read is still found', async () => {
    await putTenant('acme');
    const known = await follow();
    const [slow, fast] = [await pool.connect(), await pool.connect()];
    const transactionOf = (client: typeof slow) => ({
      client,
      publish: () => Promise.resolve(),
      prefix: '',
    });
    await slow.query('BEGIN');
    const slowId = randomUUID();
    await purchaseSubscription(
      transactionOf(slow),
      { id: slowId, userId: own, sku: 'slow' },
      ORIGIN,
    );
    await purchaseSubscription(
      transactionOf(fast),
      { id: randomUUID(), userId: own, sku: 'fast' },
      ORIGIN,
    );
    await known.update();
    expect(['slow', 'fast'].map((sku) => known.admits('acme', sku, 1))).toEqual([false, true]);
    await slow.query('COMMIT');
    slow.release();
    fast.release();
    await known.update();
    expect(known.admits('acme', 'slow', 1)).toBe(true);
  });

  test('what ended before the oldest pulse is not read', async () => {
    await putTenant('acme');
    const id = await purchase({ effectiveAt: daysFromNow(-90) });
    await cancel(id, daysFromNow(-40));
    await pool.query(
      `UPDATE subscriptions SET updated_at = now() - interval '40 days' WHERE id = $1`,
      [id],
    );
    const active = await purchase({ effectiveAt: daysFromNow(-90) });
    const { rows } = await read();
    const ids = rows.map((row) => row.id);
    expect([ids.includes(id), ids.includes(active)]).toEqual([false, true]);
  });

  test('a later read uses the indexes', async () => {
    await putTenant('acme');
    await pool.query(
      `INSERT INTO subscriptions (id, user_id, status, applied_number, changed_xid)
       SELECT gen_random_uuid(), 'other', 'active', 1, '1' FROM generate_series(1, 5000)`,
    );
    await pool.query('ANALYZE subscriptions, customers');
    const statements: string[] = [];
    const explaining = {
      query: async (sql: string, values: unknown[]) => {
        const { rows } = await pool.query<Record<string, string>>(`EXPLAIN ${sql}`, values);
        statements.push(rows.map((row) => row['QUERY PLAN']).join('\n'));
        return { rows: [] };
      },
    } as unknown as Pool;
    const { position } = await read();
    await readAdmission(explaining, { earliestMs: EARLIEST_MS, since: position });
    expect(statements[0]).not.toContain('Seq Scan on subscriptions');
  });
});

describe('unsubscribed usage', () => {
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
    expect(await addUnsubscribedUsage(pool, more, 2)).toBe(1);
    const rows = await list();
    expect(rows.map(({ tenant, pulseCount }) => [tenant, pulseCount])).toEqual([
      ['a', 2],
      ['b', 1],
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
});
