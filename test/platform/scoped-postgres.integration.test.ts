import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { findPulse, listPulses } from '../../src/usage/pulses-query.ts';
import type { TenantScope } from '../../src/core/tenant-scope.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { assertRights } from '../../src/platform/postgres-rights.ts';
import { readAsTenants, workAsTenants } from '../../src/platform/scoped-postgres.ts';
import { findDeadLetter, listDeadLetters } from '../../src/quarantine/quarantine-query.ts';
import { insertDeadLetter } from '../api/access-fixture.ts';
import { insertBatch } from '../usage/rows-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

const PAGE = { offset: 0, limit: 100 };
const AWKWARD = `a"b'c\\d{}:,😀`;

let services: IsolatedServices;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
  await insertBatch(pool, [{ tenant: 'acme' }, { tenant: 'globex' }, { tenant: AWKWARD }]);
});
beforeEach(() => pool.query('TRUNCATE dead_letters CASCADE'));
afterAll(async () => {
  await pool.end();
  await services.close();
});

const tenantsIn = (scope: TenantScope, table: string) =>
  readAsTenants(pool, scope, async (client) => {
    const { rows } = await client.query<{ tenant: string }>(
      `SELECT tenant FROM ${table} ORDER BY 1`,
    );
    return rows.map(({ tenant }) => tenant);
  });
const idOf = async (tenant: string) => {
  const sql = 'SELECT id FROM pulses WHERE tenant = $1';
  return (await pool.query<{ id: string }>(sql, [tenant])).rows[0]!.id;
};

describe('row-level security alone, with queries that have no filter', () => {
  test.each([
    ['all', [AWKWARD, 'acme', 'globex']],
    [['acme'], ['acme']],
    [
      ['globex', AWKWARD, 'nobody'],
      [AWKWARD, 'globex'],
    ],
    [['ACME', 'acme ', 'acm', '%', ''], []],
    [['__proto__', 'constructor'], []],
    [[], []],
  ] as [TenantScope, string[]][])('%j sees %j', async (scope, seen) => {
    expect(await tenantsIn(scope, 'pulses')).toEqual(seen);
  });

  test('covers dead letters and their history; those without a tenant need the scope all', async () => {
    for (const tenant of ['acme', 'globex', null]) {
      const id = await insertDeadLetter(pool, tenant);
      await pool.query(
        `INSERT INTO dead_letter_actions (id, dead_letter_id, action, actor, via)
         VALUES ($1, $2, 'discarded', 'x', 'api')`,
        [randomUUID(), id],
      );
    }
    expect(await tenantsIn('all', 'dead_letters')).toEqual(['acme', 'globex', null]);
    expect(await tenantsIn(['acme'], 'dead_letters')).toEqual(['acme']);
    const actions = (scope: TenantScope) =>
      readAsTenants(pool, scope, async (client) => {
        return (await client.query('SELECT FROM dead_letter_actions')).rowCount;
      });
    expect(await actions('all')).toBe(3);
    expect(await actions(['acme'])).toBe(1);
  });

  test('allows no change to rows of other tenants, nor a move to another tenant', async () => {
    const [own, other] = [await insertDeadLetter(pool, 'acme'), await insertDeadLetter(pool, 'b')];
    const update = (id: string, change: string) =>
      workAsTenants(pool, ['acme'], async (client) => {
        const sql = `UPDATE dead_letters SET ${change} WHERE id = $1`;
        return (await client.query(sql, [id])).rowCount;
      });
    expect(await update(own, `state = 'discarded'`)).toBe(1);
    expect(await update(other, `state = 'discarded'`)).toBe(0);
    await expect(update(own, `tenant = 'b'`)).rejects.toMatchObject({ code: '42501' });
    const note = (id: string) =>
      workAsTenants(pool, ['acme'], (client) =>
        client.query(
          `INSERT INTO dead_letter_actions (id, dead_letter_id, action, actor, via)
           VALUES (gen_random_uuid(), $1, 'discarded', 'x', 'api')`,
          [id],
        ),
      );
    await note(own);
    await expect(note(other)).rejects.toMatchObject({ code: '42501' });
  });

  test.each([
    'SELECT FROM pulses_2026_01',
    'SELECT row_count FROM flush_batches',
    'SELECT FROM pulse_blocks',
    'SELECT FROM users',
    'SELECT FROM api_keys',
    'SELECT FROM audit_log',
    'SELECT FROM settings',
    'SELECT FROM login_attempts',
    'DELETE FROM dead_letters',
    `UPDATE dead_letters SET body = ''`,
    'UPDATE pulses SET used_amount = 1',
    'INSERT INTO flush_batches DEFAULT VALUES',
    'CREATE TABLE mine (id int)',
    'ALTER TABLE pulses DISABLE ROW LEVEL SECURITY',
    'SET LOCAL ROLE pg_monitor; SELECT FROM users',
  ])('refuses: %s', async (sql) => {
    const done = workAsTenants(pool, ['acme'], (client) => client.query(sql));
    await expect(done).rejects.toMatchObject({ code: '42501' });
  });

  test('fails, instead of returning nothing, when the tenants are not set', async () => {
    const client = await pool.connect();
    try {
      await client.query('BEGIN; SET LOCAL ROLE pulse_some_tenants');
      await expect(client.query('SELECT FROM pulses')).rejects.toThrow();
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  });
});

describe('the filters of the queries alone, with row-level security off', () => {
  /** A pool whose transactions keep the original user, who sees everything. */
  const unguarded = {
    get options() {
      return pool.options;
    },
    query: () => Promise.reject(new Error('Transactions only.')),
    async connect() {
      const client = await pool.connect();
      const query = (text: string, values?: unknown[]) =>
        client.query(text.replace(/SET LOCAL ROLE \w+/, 'SELECT 1'), values);
      return new Proxy(client, {
        get: (target, name) => {
          if (name === 'query') return query;
          const value: unknown = Reflect.get(target, name);
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    },
  } as unknown as Pool;

  test('row-level security really is off', async () => {
    const count = await readAsTenants(unguarded, ['acme'], async (client) => {
      return (await client.query('SELECT FROM pulses')).rowCount;
    });
    expect(count).toBe(3);
  });

  test('pulses', async () => {
    const list = (scope: TenantScope, tenant?: string) =>
      listPulses(unguarded, { scope, tenant }, PAGE);
    expect(await list(['acme'])).toMatchObject({ total: 1, rows: [{ tenant: 'acme' }] });
    expect(await list(['acme'], 'globex')).toEqual({ total: 0, rows: [] });
    expect(await list([])).toEqual({ total: 0, rows: [] });
    expect((await list('all')).total).toBe(3);
    const id = await idOf('globex');
    expect(await findPulse(unguarded, ['acme'], id)).toBeUndefined();
    expect(await findPulse(unguarded, ['globex'], id)).toMatchObject({ id, tenant: 'globex' });
  });

  test('dead letters', async () => {
    const [own, other] = [await insertDeadLetter(pool, 'acme'), await insertDeadLetter(pool, 'b')];
    const read = <R>(work: (client: PoolClient) => Promise<R>) =>
      readAsTenants(unguarded, ['acme'], work);
    const scope = ['acme'];
    expect(await read((client) => listDeadLetters(client, { scope, limit: 9 }))).toMatchObject([
      { id: own },
    ]);
    expect(await read((client) => findDeadLetter(client, other, scope))).toBeUndefined();
    expect(await read((client) => findDeadLetter(client, own, scope))).toMatchObject({ id: own });
  });

  test('the original of a dead letter that a fix has moved here', async () => {
    const id = await insertDeadLetter(pool, 'globex');
    await pool.query(`UPDATE dead_letters SET fixed_body = '1', tenant = 'acme'`);
    const find = (scope: TenantScope) =>
      readAsTenants(unguarded, scope, (client) => findDeadLetter(client, id, scope));
    const hidden = { originalBody: null, originalTenant: null };
    expect(await find(['acme'])).toMatchObject({ isFixed: true, ...hidden });
    expect(await find(['acme', 'globex'])).toMatchObject({ originalTenant: 'globex' });
  });
});

test('nothing of a transaction remains on its connection', async () => {
  const one = createPool(services.databaseUrl, {
    name: 'test',
    logger: pino({ level: 'silent' }),
    connectionCountMax: 1,
  });
  const failing = readAsTenants(one, ['acme'], (client) => client.query('SELECT 1 / 0'));
  await expect(failing).rejects.toThrow('division by zero');
  await readAsTenants(one, ['acme'], (client) => client.query('SELECT 1'));
  const { rows } = await one.query<Record<string, string>>(
    `SELECT current_user = session_user AS same, current_setting('pulse.tenants', true) AS tenants`,
  );
  expect(rows).toEqual([{ same: true, tenants: '' }]);
  await one.end();
});

test('is read-only and sees one snapshot', async () => {
  const write = readAsTenants(pool, 'all', (client) =>
    client.query(`UPDATE dead_letters SET state = 'discarded'`),
  );
  await expect(write).rejects.toThrow();
  await readAsTenants(pool, ['acme'], async (client) => {
    const count = async () => (await client.query('SELECT FROM pulses')).rowCount;
    const before = await count();
    await insertBatch(pool, [{ tenant: 'acme' }]);
    expect(await count()).toBe(before);
  });
});

test('a scoped query uses the index on tenants', async () => {
  await insertBatch(
    pool,
    Array.from({ length: 300 }, (_, index) => ({ tenant: `many-${index}` })),
  );
  await pool.query('ANALYZE pulses');
  const plan = await readAsTenants(pool, ['many-7', 'many-8'], async (client) => {
    await client.query('SET LOCAL enable_seqscan = off');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      'EXPLAIN SELECT sum(used_amount) FROM pulses WHERE tenant = ANY($1)',
      [['many-7', 'many-8']],
    );
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  });
  expect(plan).toMatch(/Index Cond: \(+tenant = ANY/);
});

test('the roles have the right attributes', async () => {
  await expect(assertRights(pool, { migrating: false })).resolves.toBeUndefined();
});

test('slow reads of one tenant keep neither other tenants nor unscoped queries out', async () => {
  const lock = await pool.connect();
  await lock.query('SELECT pg_advisory_lock(1)');
  const slow = Array.from({ length: 30 }, () =>
    readAsTenants(pool, ['acme'], (client) => client.query('SELECT pg_advisory_xact_lock(1)')),
  );
  await eventually(async () => {
    const sql = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
    return (await pool.query(sql)).rowCount;
  }).toBeGreaterThan(1);
  expect(await tenantsIn(['globex'], 'pulses')).toEqual(['globex']);
  await lock.query('SELECT pg_advisory_unlock(1)');
  lock.release();
  await Promise.all(slow);
});
