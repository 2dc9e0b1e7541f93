import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { AdmissionTable } from '../../src/contract/admission.ts';
import { putCustomer } from '../../src/catalog/catalog-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { readAdmission } from '../../src/subscriptions/admission-query.ts';
import {
  changeSubscription,
  purchaseSubscription,
  withdrawChange,
  type ChangeTransaction,
} from '../../src/subscriptions/change-subscription.ts';
import { eventually } from '../support/eventually.ts';
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
beforeEach(() => {
  // Changes of subscriptions cannot be deleted.
  own = randomUUID();
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

  test('of a subscription only the changes that a pulse may still need are read', async () => {
    await putTenant('acme');
    const id = await purchase({ effectiveAt: daysFromNow(-90) });
    const restart = (days: number) => {
      const request = { id, kind: 'restarted', effectiveAt: daysFromNow(days) } as const;
      return change((client) => changeSubscription(client, request, ORIGIN));
    };
    await cancel(id, daysFromNow(-80));
    await restart(-70);
    await cancel(id, daysFromNow(-60));
    await restart(-50);
    await cancel(id, daysFromNow(-10));
    await restart(5);
    const changeCounts: number[] = [];
    const counting = {
      query: async (sql: string, values: unknown[]) => {
        const result = await pool.query<{ id: string; changes: unknown[] }>(sql, values);
        const own = result.rows.filter((row) => row.id === id);
        changeCounts.push(...own.map(({ changes }) => changes.length));
        return result;
      },
    } as unknown as Pool;
    const { rows } = await readAdmission(counting, { earliestMs: EARLIEST_MS });
    const table = new AdmissionTable(rows);
    const admitted = [-65, -55, -40, -9, 1, 6].filter((days) =>
      table.admits(`acme ${own}`, 'vm', daysFromNow(days).getTime()),
    );
    expect(admitted).toEqual([-40, 6]);
    // Of -50, -10 and 5 days.
    expect(changeCounts).toEqual([3]);
  });

  test.each([1, 2, 5, 6])('pages of %i hold every subscription once', async (pageLength) => {
    await putTenant('acme');
    for (let count = 0; count < 5; count++) await purchase();
    const whole = await read();
    const { rows } = await readAdmission(pool, { earliestMs: EARLIEST_MS, pageLength });
    expect(rows).toEqual(whole.rows);
    expect(rows.filter(({ tenant }) => tenant === `acme ${own}`)).toHaveLength(5);
  });

  test('what changes between two pages comes again in the next read', async () => {
    await putTenant('acme');
    const ids = [await purchase(), await purchase()].sort();
    let pageCount = 0;
    const changing = {
      query: async (sql: string, values: unknown[]) => {
        const result = await pool.query<{ id: string }>(sql, values);
        pageCount += 1;
        if (result.rows[0]?.id === ids[0]) for (const id of ids) await cancel(id, daysFromNow(-1));
        return result;
      },
    } as unknown as Pool;
    const { rows, position } = await readAdmission(changing, {
      earliestMs: EARLIEST_MS,
      pageLength: 1,
    });
    expect(pageCount).toBeGreaterThan(2);
    const table = new AdmissionTable(rows);
    table.apply((await read(position)).rows);
    expect(table.admits(`acme ${own}`, 'vm', Date.now())).toBe(false);
    expect(table.admits(`acme ${own}`, 'vm', daysFromNow(-2).getTime())).toBe(true);
  });

  test('a server that was started since gives all rows again, whatever its transaction ids', async () => {
    await putTenant('acme');
    const id = await purchase();
    const { position } = await read();
    expect(await read(position)).toMatchObject({ isWhole: false });
    const [, server] = position.split('@');
    const again = await read(`999999999999@${String(Number(server) - 60)}`);
    expect(again.isWhole).toBe(true);
    expect(again.rows.map((row) => row.id)).toContain(id);
    expect(await read(again.position)).toMatchObject({ isWhole: false });
  });

  test('a row of a dump with an id of a transaction that is yet to come is read once', async () => {
    await putTenant('acme');
    const id = await purchase();
    await pool.query(`UPDATE subscriptions SET changed_xid = '999999999999' WHERE id = $1`, [id]);
    const { rows, position } = await read();
    expect(rows.map((row) => row.id)).toContain(id);
    const readAgain = async () => (await read((await read()).position)).rows.map((row) => row.id);
    // Its customer is new for as long as a transaction of another test is older.
    await eventually(readAgain).not.toContain(id);
    await cancel(id);
    expect((await read(position)).rows.map((row) => row.id)).toContain(id);
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
