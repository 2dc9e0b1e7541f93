import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Pool } from 'pg';
import { pino } from 'pino';
import type { Api } from '../../src/http/api-module.ts';
import { revokeKey } from '../../src/access/api-keys.ts';
import { BELIEVED_MS, createIdentities } from '../../src/access/identities.ts';
import { hashPassword } from '../../src/access/passwords.ts';
import { addUser, setPasswordHash, setUserDisabled } from '../../src/access/users.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { newKey } from '../api/access-fixture.ts';
import { createTestApp } from '../api/api-fixture.ts';

const SOURCE = { actor: 'test', via: 'command_line' } as const;
const PASSWORD = 'correct horse battery';
const logger = pino({ level: 'silent' });
const VIEWER = { role: 'viewer', scope: ['acme'] } as const;

let services: IsolatedServices;
let pool: Pool;
let app: Api;

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger });
});
beforeEach(async () => {
  await pool.query('DELETE FROM users');
  ({ app } = await createTestApp({ pool, identities: createIdentities(pool, logger) }));
});
afterEach(() => app.close());
afterAll(async () => {
  await pool.end();
  await services.close();
});

const ask = (token: string, url = '/api/v1/pulses') =>
  app.inject({ url, headers: { authorization: `Bearer ${token}` } });
const login = async () => {
  const payload = { username: 'alice', password: PASSWORD };
  const res = await app.inject({ method: 'POST', url: '/api/v1/login', payload });
  return res.json<{ Auth: { Token: string } }>().Auth.Token;
};
const addAlice = async () => {
  const passwordHash = await hashPassword(PASSWORD);
  await addUser(pool, { username: 'alice', passwordHash, ...VIEWER }, SOURCE);
};
const audited = async (action: string) => {
  const sql = 'SELECT * FROM audit_log WHERE action = $1 ORDER BY id DESC';
  return (await pool.query<Record<string, unknown>>(sql, [action])).rows;
};
/** Waits at most until cached look-ups expire, with a margin for a busy machine. */
const soon = (check: () => Promise<number>, status: number) =>
  eventually(check, { timeout: BELIEVED_MS + 3_000 }).toBe(status);

describe('a valid token', () => {
  test('ends when its user is disabled, and stays invalid when the user is enabled again', async () => {
    await addAlice();
    const token = await login();
    expect((await ask(token)).statusCode).toBe(200);
    await setUserDisabled(pool, { username: 'alice', isDisabled: true }, SOURCE);
    await soon(async () => (await ask(token)).statusCode, 401);
    await setUserDisabled(pool, { username: 'alice', isDisabled: false }, SOURCE);
    const fresh = await login();
    await soon(async () => (await ask(fresh)).statusCode, 200);
    expect((await ask(token)).statusCode).toBe(401);
  });

  test('ends when the password is changed', async () => {
    await addAlice();
    const token = await login();
    const passwordHash = await hashPassword('another password');
    await setPasswordHash(pool, { username: 'alice', passwordHash }, SOURCE);
    await soon(async () => (await ask(token)).statusCode, 401);
    expect((await ask(token)).json()).toMatchObject({
      detail: 'The token is no longer valid.',
    });
  });

  test('follows a change of role', async () => {
    await addAlice();
    const token = await login();
    const url = '/api/v1/pulses/populate/b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b';
    expect((await ask(token, url)).json()).toMatchObject({ code: 'PULSE_API_FORBIDDEN' });
    await pool.query(`UPDATE users SET role = 'operator', all_tenants = true, tenants = '{}'`);
    await soon(async () => (await ask(token, url)).statusCode, 404);
  });
});

describe('a key', () => {
  test('is accepted until it is revoked', async () => {
    const key = await newKey(pool, VIEWER);
    expect((await ask(key.text)).statusCode).toBe(200);
    expect(await revokeKey(pool, key.id, SOURCE)).toBe('revoked');
    await soon(async () => (await ask(key.text)).statusCode, 401);
    expect((await ask(key.text)).json()).toMatchObject({ detail: 'The key has been revoked.' });
    await app.close();
    expect((await audited('denied'))[0]).toMatchObject({ actor: `key:${key.id}` });
    expect(await revokeKey(pool, key.id, SOURCE)).toBe('revoked');
    expect(await revokeKey(pool, '0'.repeat(16), SOURCE)).toBe('missing');
  });

  test('expires on time, even if its look-up is cached', async () => {
    const key = await newKey(pool, VIEWER);
    expect((await ask(key.text)).statusCode).toBe(200);
    const now = Date.now();
    vi.spyOn(Date, 'now').mockReturnValue(now + 3_601_000);
    const { statusCode } = await ask(key.text);
    vi.restoreAllMocks();
    expect(statusCode).toBe(401);
  });

  test('is stored only as a hash, and its state is shown only to holders of its secret', async () => {
    const key = await newKey(pool, VIEWER);
    const { rows } = await pool.query('SELECT * FROM api_keys');
    expect(JSON.stringify(rows)).not.toContain(key.text.slice(23, 87));
    const { rows: audit } = await pool.query('SELECT * FROM audit_log');
    expect(JSON.stringify(audit)).not.toContain(key.text.slice(23, 87));
  });

  test('has its use recorded once a minute, however many requests and processes there are', async () => {
    const key = await newKey(pool, VIEWER);
    const used = async () => {
      const sql = 'SELECT last_used_at AS at FROM api_keys WHERE id = $1';
      return (await pool.query<{ at: Date | null }>(sql, [key.id])).rows[0]!.at?.getTime();
    };
    expect(await used()).toBeUndefined();
    await Promise.all(Array.from({ length: 10 }, () => ask(key.text)));
    await eventually(used).toBeTypeOf('number');
    const first = await used();
    const { app: second } = await createTestApp({
      pool,
      identities: createIdentities(pool, logger),
    });
    await second.inject({
      url: '/api/v1/pulses',
      headers: { authorization: `Bearer ${key.text}` },
    });
    await second.close();
    expect(await used()).toBe(first);
  });
});

describe('the audit log', () => {
  test('records accepted and refused logins, with address and request', async () => {
    await addAlice();
    await login();
    expect((await audited('login accepted'))[0]).toMatchObject({
      actor: 'alice',
      via: 'api',
      address: '127.0.0.1',
      request_id: expect.any(String) as string,
    });
    for (const username of ['alice', 'my-secret-in-the-wrong-field']) {
      const payload = { username, password: 'wrong' };
      await app.inject({ method: 'POST', url: '/api/v1/login', payload });
    }
    await app.close();
    const refused = await audited('login refused');
    expect(refused.map(({ actor }) => actor)).toEqual([null, 'alice']);
    expect(JSON.stringify(refused)).not.toMatch(/my-secret|wrong"/);
  });

  test('records denials, and equal ones as one line with their count', async () => {
    const key = await newKey(pool, VIEWER);
    for (let index = 0; index < 3; index++) {
      await ask(key.text, '/api/v1/pulses/populate/b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b');
    }
    await ask('nonsense');
    await app.close();
    expect((await audited('denied')).slice(0, 2)).toMatchObject([
      { actor: null, subject: 'GET /api/v1/pulses', details: { count: 1 } },
      {
        actor: `key:${key.id}`,
        subject: 'GET /api/v1/pulses/populate/:run_id',
        details: { count: 3 },
      },
    ]);
  });

  test('cannot be filled by refused requests', async () => {
    for (let index = 0; index < 300; index++) {
      await app.inject({
        url: '/api/v1/pulses',
        remoteAddress: `10.9.${index >> 8}.${index & 255}`,
      });
    }
    const before = (await audited('denied')).length;
    await app.close();
    const lines = (await audited('denied')).slice(0, -before || undefined);
    expect(lines).toHaveLength(201);
    const counts = lines.map(({ details }) => (details as { count: number }).count);
    expect(counts.reduce((sum, count) => sum + count)).toBe(300);
  });

  test('records changes over the API before they are answered, and no reads', async () => {
    const key = await newKey(pool, { role: 'operator', scope: 'all' });
    const headers = { authorization: `Bearer ${key.text}` };
    const payload = { total_messages: 1, workers_number: 1, buffer_size: 1 };
    const url = '/api/v1/pulses/populate';
    const res = await app.inject({ method: 'POST', url, headers, payload });
    expect(res.statusCode).toBe(202);
    await app.inject({ method: 'POST', url, headers, payload: {} });
    await app.inject({ url: '/api/v1/pulses', headers });
    expect(await audited('changed')).toMatchObject([
      { actor: `key:${key.id}`, subject: `POST ${url}`, request_id: res.headers['x-request-id'] },
    ]);
  });

  test('is insert-only', async () => {
    await addAlice();
    for (const sql of ['DELETE FROM audit_log', `UPDATE audit_log SET actor = 'x'`]) {
      await expect(pool.query(sql)).rejects.toThrow('only inserted into');
    }
  });
});
