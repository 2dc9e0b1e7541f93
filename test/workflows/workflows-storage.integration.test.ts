/** What workflows may take on the disk, and the sums that this is decided by. */
import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { consumeNext } from '../../src/workflows/consume-next.ts';
import { deleteExpired } from '../../src/workflows/delete-expired.ts';
import { deleteConsumed, readKeptBytes } from '../../src/workflows/workflows-query.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import { useWorkflowsFixture } from './workflows-fixture.ts';

const fixture = useWorkflowsFixture();
const NEVER = new AbortController().signal;
const LARGE = 'x'.repeat(20_000);
const ACME = '["acme"]';

/** An API with small limits: two large workflows fill a share. */
let app: Api;
beforeAll(async () => {
  const identities = fakeIdentities({
    acme: { role: 'operator', tenants: ['acme'] },
    globex: { role: 'operator', tenants: ['globex'] },
    initech: { role: 'operator', tenants: ['initech'] },
  });
  const keptBytesMax = { ofShare: 40_000, inAll: 100_000 };
  const { pool, deps } = fixture;
  ({ app } = await createTestApp({ pool, identities, workflows: { ...deps, keptBytesMax } }));
  return () => app.close();
});

async function ask(method: 'GET' | 'PATCH' | 'POST', url: string, as: string, payload?: object) {
  const headers = authorization(forgeToken({ claims: { sub: as } }));
  const response = await app.inject({
    ...{ method, url, headers },
    ...(payload === undefined ? {} : { payload }),
  });
  const { statusCode: status } = response;
  return {
    status,
    body:
      status === 204 || (status === 200 && method === 'GET')
        ? {}
        : response.json<{ code?: string; uuid?: string }>(),
  };
}

const insert = (as: string) => ask('POST', '/workflow', as, { data: LARGE, steps: ['one'] });
const FULL = { status: 409, body: { code: 'PULSE_API_WORKFLOW_QUOTA' } };

/** What the sums should be. */
async function expectSums(): Promise<void> {
  const { rows: expected } = await fixture.pool.query(
    `SELECT share, sum(workflow_bytes(data_text, steps, csv))::float8 AS bytes FROM workflows
     GROUP BY share ORDER BY share`,
  );
  const { rows } = await fixture.pool.query(
    `SELECT share, kept_bytes::float8 AS bytes FROM workflow_shares WHERE kept_bytes <> 0 ORDER BY share`,
  );
  expect(rows).toEqual(expected);
}

test('a share that is full is refused insertions and CSV by hand, and nobody else is', async () => {
  const first = await insert('acme');
  expect(first.status).toBe(201);
  expect((await insert('acme')).status).toBe(201);
  expect(await insert('acme')).toMatchObject(FULL);
  const consume = { status: 'consumed' };
  const path = `/workflow/${String(first.body.uuid)}`;
  expect(await ask('PATCH', path, 'acme', consume)).toMatchObject(FULL);
  expect((await insert('globex')).status).toBe(201);

  // An operator of all tenants empties the queue all the same.
  await expect.poll(fixture.depth).toBe(3);
  for (const status of [200, 200, 200, 204]) {
    expect((await ask('GET', '/workflow/consume', 'alice')).status).toBe(status);
  }
  await expectSums();
  expect(await ask('PATCH', path, 'acme', { status: 'inserted' })).toMatchObject({ status: 200 });
  expect(await insert('acme')).toMatchObject(FULL);
});

test('room comes back when consumed ones are deleted', async () => {
  await insert('acme');
  await insert('acme');
  await expect.poll(fixture.depth).toBe(2);
  while ((await consumeNext(fixture.deps)) !== undefined);
  expect(await insert('acme')).toMatchObject(FULL);
  await deleteExpired(fixture.pool, { before: new Date(), signal: NEVER });
  expect((await insert('acme')).status).toBe(201);
  await expectSums();
});

test('all shares together have a limit', async () => {
  for (const as of ['acme', 'acme', 'globex', 'globex', 'initech']) {
    expect((await insert(as)).status).toBe(201);
  }
  expect(await insert('initech')).toMatchObject(FULL);
});

test('the sums are right after every kind of change, many at once too', async () => {
  const { pool } = fixture;
  const add = (count: number) =>
    pool.query(
      `INSERT INTO workflows
         (id, share, created_by, data, data_text, steps, status, is_queued, csv, consumed_at, consumed_by)
       SELECT gen_random_uuid(), 'share ' || n % 7, 'test', '"ä"', '"ä"', '{one,two}', 'consumed', false,
         repeat('ö', n), now(), 'test' FROM generate_series(1, $1) AS n`,
      [count],
    );
  await Promise.all([add(300), add(200), add(100)]);
  await expectSums();
  const removing = () => deleteExpired(pool, { before: new Date(), signal: NEVER });
  const changing = pool.query(`UPDATE workflows SET csv = 'x' WHERE share = 'share 3'`);
  await Promise.all([removing(), removing(), changing, add(50)]);
  await expectSums();
  const id = await fixture.insert({ a: 1 }, { as: 'acme' });
  for (const status of ['consumed', 'inserted', 'consumed']) {
    await fixture.ask('PATCH', `/workflow/${id}`, { body: { status } });
    await expectSums();
  }
  await pool.query('TRUNCATE workflows');
  expect(await readKeptBytes(pool, ACME)).toEqual({ ofShare: 0, inAll: 0 });
});

test('skipping old messages locks no sum, so that consumers do not wait for each other', async () => {
  const { pool } = fixture;
  const id = randomUUID();
  await pool.query(
    `INSERT INTO workflows (id, share, created_by, data, data_text, steps, status, csv, consumed_at, consumed_by)
     VALUES ($1, 'all', 'test', '1', '1', '{one}', 'consumed', 'x', now(), 'test')`,
    [id],
  );
  const holder = await pool.connect();
  try {
    await holder.query('BEGIN');
    await holder.query('SELECT FROM workflow_shares FOR UPDATE');
    const body = Buffer.from(JSON.stringify({ workflow_id: id, round: 1 }));
    const to = { exchange: '', routingKey: fixture.queue, headers: {} };
    await fixture.publish({ ...to, body });
    expect(await consumeNext(fixture.deps)).toBeUndefined();
    await holder.query('ROLLBACK');
  } finally {
    holder.release(true);
  }
  expect(await pool.query('SELECT FROM workflows WHERE is_queued')).toMatchObject({ rowCount: 0 });
});

test('the scoped roles cannot read the sums', async () => {
  for (const role of ['pulse_all_tenants', 'pulse_some_tenants']) {
    const { rows } = await fixture.pool.query<{ may: boolean }>(
      `SELECT has_table_privilege($1, 'workflow_shares', 'SELECT') AS may`,
      [role],
    );
    expect(rows).toEqual([{ may: false }]);
  }
});

test('deletion in two processes at once never deadlocks', async () => {
  const { pool } = fixture;
  await pool.query(
    `INSERT INTO workflows
       (id, share, created_by, data, data_text, steps, status, is_queued, csv, consumed_at, consumed_by)
     SELECT gen_random_uuid(), (n * 7919 % 97)::text, 'test', '1', '1', '{one}', 'consumed', false, 'x',
       now() - make_interval(secs => n), 'test' FROM generate_series(1, 2000) AS n`,
  );
  const some = async () => {
    let total = 0;
    for (let count = 50; count > 0; total += count) {
      count = await deleteConsumed(pool, new Date(), 50);
    }
    return total;
  };
  const deleted = await Promise.all([some(), some(), some(), some()]);
  expect(deleted.reduce((sum, one) => sum + one)).toBe(2_000);
  await expectSums();
});
