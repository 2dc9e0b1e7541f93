/** A fix may give a dead letter to another tenant: its original stays with the tenant that it had. */
import { createHash, randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { Client, type PoolClient } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { TenantScope } from '../../src/core/tenant-scope.ts';
import { readAsTenants, workAsTenants } from '../../src/platform/scoped-postgres.ts';
import { replayDeadLetter } from '../../src/quarantine/replay.ts';
import {
  createAccessFixture,
  insertDeadLetter,
  newKey,
  type AccessFixture,
} from '../api/access-fixture.ts';

const OLD = 'old-tenant';
const NEW = 'new-tenant';
/** Only in bodies that were sent for the old tenant. */
const SECRET = `secret-of-${OLD}`;
const FIXED = JSON.stringify({ tenant: NEW });

let fixture: AccessFixture;
const authorizations = new Map<string, string>();

beforeAll(async () => {
  fixture = await createAccessFixture();
});
afterAll(() => fixture.close());

async function call(scope: TenantScope, path: string, payload?: object) {
  const name = String(scope);
  if (!authorizations.has(name)) {
    const { text } = await newKey(fixture.pool, { role: 'operator', scope });
    authorizations.set(name, `Bearer ${text}`);
  }
  return fixture.app.inject({
    method: payload === undefined ? 'GET' : path.endsWith('/body') ? 'PUT' : 'POST',
    url: `/api/v1/dead-letters${path}`,
    headers: { authorization: authorizations.get(name) },
    ...(payload === undefined ? {} : { payload }),
  });
}

/** A dead letter whose body is like no other, and has a secret. */
async function sent(tenant: string | null): Promise<{ id: string; body: string }> {
  const id = await insertDeadLetter(fixture.pool, tenant);
  const body = JSON.stringify({ tenant, id, note: SECRET });
  await fixture.pool.query('UPDATE dead_letters SET body = $2 WHERE id = $1', [id, body]);
  return { id, body };
}

/** The same after an administrator has given it to the new tenant. */
async function moved(tenant: string | null = OLD) {
  const { id, body } = await sent(tenant);
  const res = await call('all', `/${id}/body`, { content: FIXED });
  expect(res.statusCode).toBe(200);
  return { id, body };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('the API, after a fix has given a dead letter to another tenant', () => {
  test('shows the new tenant what it was fixed to, and not what was sent', async () => {
    const { id } = await moved();
    const res = await call([NEW], `/${id}`);
    expect(res.json()).toMatchObject({
      tenant: NEW,
      is_fixed: true,
      body: { content: FIXED },
      original_body: null,
      original_tenant: null,
    });
    for (const answer of [
      res,
      await call([NEW], '?limit=1000'),
      await call([NEW], '/replay', { tenant: NEW, dry_run: true }),
      await call([NEW], '/discard', { tenant: NEW, note: 'x', dry_run: true }),
      await call([NEW], `/${id}/replay`, {}),
      await call([NEW], `/${id}`),
    ]) {
      expect(answer.statusCode).toBe(200);
      expect(answer.body).toContain(id);
      expect(answer.body).not.toContain(SECRET);
      expect(answer.body).not.toContain(OLD);
    }
  });

  test('shows the new tenant no hash of what was sent, which could be guessed', async () => {
    const { id, body } = await sent(OLD);
    expect((await call([OLD], `/${id}/replay`, {})).statusCode).toBe(200);
    await fixture.pool.query("UPDATE dead_letters SET state = 'quarantined' WHERE id = $1", [id]);
    expect((await call('all', `/${id}/body`, { content: FIXED })).statusCode).toBe(200);
    expect((await call([NEW], `/${id}/replay`, {})).statusCode).toBe(200);
    const seenBy = async (scope: TenantScope) => (await call(scope, `/${id}`)).body;
    for (const scope of ['all', [OLD, NEW]] as const) {
      expect((await seenBy(scope)).split(sha256(body))).toHaveLength(3);
    }
    expect(await seenBy([NEW])).not.toContain(sha256(body));
    expect((await seenBy([NEW])).split(sha256(FIXED))).toHaveLength(3);
  });

  test('no longer shows it to the old tenant', async () => {
    const { id } = await moved();
    expect((await call([OLD], `/${id}`)).statusCode).toBe(404);
    expect((await call([OLD], '?limit=1000')).body).not.toContain(id);
  });

  test.each([['all'], [[OLD, NEW]]] as [TenantScope][])(
    'shows everything to a caller of %j',
    async (scope) => {
      const { id, body } = await moved();
      expect((await call(scope, `/${id}`)).json()).toMatchObject({
        body: { content: FIXED },
        original_body: { encoding: 'utf8', content: body },
        original_tenant: OLD,
      });
    },
  );

  test('keeps the first tenant over several fixes', async () => {
    const { id, body } = await moved();
    const back = JSON.stringify({ tenant: OLD });
    expect((await call([OLD, NEW], `/${id}/body`, { content: back })).statusCode).toBe(200);
    expect((await call([OLD], `/${id}`)).json()).toMatchObject({
      original_body: { content: body },
      original_tenant: OLD,
    });
    expect((await call([NEW], `/${id}`)).statusCode).toBe(404);
  });

  test('shows an original that named no tenant only to callers of all tenants', async () => {
    const { id, body } = await moved(null);
    expect((await call([NEW], `/${id}`)).json()).toMatchObject({ original_body: null });
    expect((await call('all', `/${id}`)).json()).toMatchObject({
      original_body: { content: body },
      original_tenant: null,
    });
  });
});

test('a tenant that fixes its own dead letter still sees the original', async () => {
  const { id, body } = await sent(NEW);
  expect((await call([NEW], `/${id}/body`, { content: FIXED })).statusCode).toBe(200);
  expect((await call([NEW], `/${id}`)).json()).toMatchObject({
    original_body: { content: body },
    original_tenant: NEW,
  });
});

test('a replay by the new tenant sends the fixed body', async () => {
  const { id } = await moved();
  const published: string[] = [];
  const publish = ({ body }: { body: Buffer }) => {
    published.push(body.toString());
    return Promise.resolve();
  };
  const actor = { name: 'x', via: 'api', scope: [NEW] } as const;
  const deps = { pool: fixture.pool, publish, queue: 'pulses', dedupeWindowSeconds: 60 };
  expect(await replayDeadLetter(deps, id, { actor })).toBe('replayed');
  expect(published).toEqual([FIXED]);
});

/** Every row that the role can read, of every table, as text; bytes are hex. */
async function readEverything(client: PoolClient): Promise<string> {
  const tables = await client.query<{ name: string }>(
    `SELECT relname AS name FROM pg_class
     WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
       AND has_table_privilege(oid, 'SELECT')`,
  );
  let text = '';
  for (const { name } of tables.rows) {
    const { rows } = await client.query<{ row: string }>(
      `SELECT to_jsonb(one)::text AS row FROM ${name} AS one`,
    );
    text += rows.map(({ row }) => row).join('\n');
  }
  return text;
}

describe('row-level security alone', () => {
  const everything = (scope: TenantScope) => readAsTenants(fixture.pool, scope, readEverything);
  const hex = (text: string) => Buffer.from(text).toString('hex');

  test('shows an original only to a role with its tenant and with the new one', async () => {
    const { id, body } = await moved();
    const mine = await everything([NEW]);
    expect(mine).toContain(id);
    expect(mine).toContain(hex(FIXED));
    expect(mine).not.toContain(hex(body));
    expect(await everything([OLD])).not.toContain(id);
    expect(await everything([OLD, NEW])).toContain(hex(body));
    expect(await everything('all')).toContain(hex(body));
  });

  test('shows an original of no tenant only to the role of all tenants', async () => {
    const { body } = await moved(null);
    expect(await everything([NEW, OLD])).not.toContain(hex(body));
    expect(await everything('all')).toContain(hex(body));
  });

  test('keeps the original when the role fixes it without Pulse', async () => {
    const { id, body } = await sent(OLD);
    await workAsTenants(fixture.pool, [OLD, NEW], (client) =>
      client.query('UPDATE dead_letters SET fixed_body = $2, tenant = $3 WHERE id = $1', [
        id,
        FIXED,
        NEW,
      ]),
    );
    expect(await everything([NEW])).not.toContain(hex(body));
    expect(await everything([OLD, NEW])).toContain(hex(body));
  });

  test.each([
    ['UPDATE dead_letters SET fixed_body = NULL', '23514'],
    ['INSERT INTO dead_letter_originals SELECT * FROM dead_letter_originals', '42501'],
    [`UPDATE dead_letter_originals SET original_tenant = '${NEW}'`, '42501'],
    ['DELETE FROM dead_letter_originals', '42501'],
  ])('refuses: %s', async (sql, code) => {
    await moved();
    const done = workAsTenants(fixture.pool, [NEW, OLD], (client) => client.query(sql));
    await expect(done).rejects.toMatchObject({ code });
  });
});

describe('the migration of dead letters that were fixed before it', () => {
  const DATABASE = `pulse_originals_${process.pid}`;
  const FOLDER = 'migrations/';
  const THIS = '0023_dead_letter_originals.sql';
  let admin: Client;
  let client: Client;

  beforeAll(async () => {
    const url = new URL(inject('services').DATABASE_URL);
    admin = new Client({ connectionString: url.href });
    await admin.connect();
    await admin.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
    await admin.query(`CREATE DATABASE ${DATABASE}`);
    url.pathname = `/${DATABASE}`;
    client = new Client({ connectionString: url.href });
    await client.connect();
    const earlier = readdirSync(FOLDER).filter((name) => name.endsWith('.sql') && name < THIS);
    for (const name of earlier.sort()) await client.query(readFileSync(FOLDER + name, 'utf8'));
  });
  afterAll(async () => {
    await client.end();
    await admin.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
    await admin.end();
  });

  test('keeps every body, and shows those originals only to the role of all tenants', async () => {
    const insert = `INSERT INTO dead_letters (id, reason, detail, tenant, body, fixed_body)
                    VALUES ($1, 'unknown', '', '${NEW}', $2, $3)`;
    const [fixed, waiting] = [randomUUID(), randomUUID()];
    await client.query(insert, [fixed, 'sent', 'fixed']);
    await client.query(insert, [waiting, 'waiting', null]);
    await client.query(`BEGIN; ${readFileSync(FOLDER + THIS, 'utf8')}; COMMIT`);

    const bodies = `SELECT id, coalesce(fixed_body, dead_letters.body) AS body, original_tenant,
                           dead_letter_originals.body AS original
                    FROM dead_letters LEFT JOIN dead_letter_originals ON id = dead_letter_id
                    ORDER BY body`;
    const row = (id: string, body: string, original: string | null) => ({
      ...{ id, body: Buffer.from(body), original_tenant: null },
      original: original === null ? null : Buffer.from(original),
    });
    expect((await client.query(bodies)).rows).toEqual([
      row(fixed, 'fixed', 'sent'),
      row(waiting, 'waiting', null),
    ]);
    await client.query('BEGIN; SET LOCAL ROLE pulse_some_tenants');
    await client.query(`SELECT set_config('pulse.tenants', '{"${NEW}": 1}', true)`);
    expect((await client.query(bodies)).rows).toEqual([
      row(fixed, 'fixed', null),
      row(waiting, 'waiting', null),
    ]);
    await client.query('ROLLBACK');
  });
});
