import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BELIEVED_MS } from '../../src/access/identities.ts';
import { USERS_MAX } from '../../src/access/access-rules.ts';
import { addUser } from '../../src/access/users.ts';
import { eventually } from '../support/eventually.ts';
import { openAccessApi, PASSWORD, SOURCE, type AccessApi } from './access-api.ts';

const NEW = { username: 'alice', password: PASSWORD, role: 'operator', tenants: ['b', 'a', 'b'] };
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;

let api: AccessApi;
beforeAll(async () => {
  api = await openAccessApi();
});
beforeEach(() => api.pool.query("DELETE FROM users WHERE username <> 'root'"));
afterAll(() => api.close());

const login = (username: string, password: string) =>
  api.app.inject({ method: 'POST', url: '/api/v1/login', payload: { username, password } });

describe('adding', () => {
  test('shows the user without the password, who can log in then', async () => {
    const { status, body, headers } = await api.call('POST', '/users', NEW);
    expect({ status, body }).toEqual({
      status: 201,
      body: {
        ...{ username: 'alice', role: 'operator', tenants: ['b', 'a'], created_at: INSTANT },
        ...{ last_login_at: null, disabled_at: null },
      },
    });
    expect(headers.location).toBe('/api/v1/users/alice');
    expect((await login('alice', PASSWORD)).statusCode).toBe(200);
    expect((await api.call('GET', '/users/alice')).body).toEqual({
      ...body,
      last_login_at: INSTANT,
    });
    expect((await api.audited('alice')).at(-1)).toMatchObject({
      ...{ action: 'user added', actor: 'root', via: 'api', address: '127.0.0.1' },
      details: { role: 'operator', tenants: ['b', 'a'] },
    });
    expect((await api.audited('POST /api/v1/users')).length).toBe(0);
  });

  test.each([
    ['username', { ...NEW, username: 'key:1' }],
    ['username', { ...NEW, username: '..' }],
    ['username', { ...NEW, username: '' }],
    ['password', { ...NEW, password: 'eleven char' }],
    ['password', { ...NEW, password: 'x'.repeat(1_025) }],
    ['role', { ...NEW, role: 'root' }],
    ['tenants', { ...NEW, tenants: [] }],
    ['tenants', { ...NEW, tenants: 'some' }],
    ['tenants', { ...NEW, role: 'admin' }],
    ['tenants.0', { ...NEW, tenants: ['a\u0000b'] }],
    ['tenants', { ...NEW, tenants: undefined }],
    ['password_hash', { ...NEW, password_hash: 'x' }],
  ])('400 names %s: %j', async (field, payload) => {
    const { status, body } = await api.call('POST', '/users', payload);
    expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ field }] } });
    expect(JSON.stringify(body)).not.toContain(payload.password);
  });

  test('refuses a name that is taken', async () => {
    await api.newUser('alice');
    await api.expectProblem(api.call('POST', '/users', NEW), 409, 'USER_EXISTS');
  });

  test('stops at the limit, also for requests at once', async () => {
    await api.pool.query(
      `INSERT INTO users (username, password_hash, role, all_tenants)
       SELECT 'u' || n, 'none', 'viewer', true FROM generate_series(1, $1) n`,
      [USERS_MAX - 2],
    );
    const names = ['one', 'two', 'three', 'four', 'five'];
    const rights = { passwordHash: 'none', role: 'viewer', scope: 'all' } as const;
    const added = await api.atOnce(
      'LOCK TABLE users IN SHARE MODE',
      names.map((username) => () => addUser(api.pool, { username, ...rights }, SOURCE)),
    );
    expect(added.filter((one) => one !== 'full')).toHaveLength(1);
    await api.expectProblem(api.call('POST', '/users', NEW), 409, 'TOO_MANY_USERS');
  });
});

test('the list comes by name, page by page', async () => {
  for (const name of ['carol', 'Bob', 'alice']) await api.newUser(name);
  const first = await api.call('GET', '/users?limit=2');
  expect(first.body).toMatchObject({
    data: [{ username: 'Bob' }, { username: 'alice' }],
    next: 'alice',
  });
  expect(first.headers.link).toBe('</api/v1/users?limit=2&after=alice>; rel="next"');
  const rest = await api.call('GET', '/users?limit=2&after=alice');
  expect(rest.body).toMatchObject({
    data: [{ username: 'carol' }, { username: 'root' }],
    next: null,
  });
  expect(JSON.stringify(first.body)).not.toContain('argon2');
});

describe('changing', () => {
  test('takes effect within 2 seconds in every process, and is in the audit log', async () => {
    const token = await api.newUser('alice', { role: 'viewer', scope: ['acme'] });
    const rightsIn = (call: typeof api.call) => async () => {
      const { body } = await call('GET', '/me', undefined, token);
      return [body?.role, body?.tenants];
    };
    for (const call of [api.call, api.callOther]) await rightsIn(call)();
    const asked = { role: 'operator', tenants: 'all' };
    const { status, body } = await api.call('PATCH', '/users/alice', asked);
    expect({ status, body }).toMatchObject({ status: 200, body: { username: 'alice', ...asked } });
    for (const call of [api.call, api.callOther]) {
      await eventually(rightsIn(call), { timeout: BELIEVED_MS + 3_000 }).toEqual([
        'operator',
        'all',
      ]);
    }
    expect((await api.audited('alice')).at(-1)).toMatchObject({
      ...{ action: 'user changed', actor: 'root', via: 'api' },
      details: { ...asked, before: { role: 'viewer', tenants: ['acme'] } },
    });
  });

  test('disabling ends tokens for good', async () => {
    const token = await api.newUser('alice');
    const disabled = await api.call('PATCH', '/users/alice', { disabled: true });
    expect(disabled.body).toMatchObject({ disabled_at: INSTANT });
    const ask = async () => (await api.callOther('GET', '/me', undefined, token)).status;
    await eventually(ask, { timeout: BELIEVED_MS + 3_000 }).toBe(401);
    const enabled = await api.call('PATCH', '/users/alice', { disabled: false });
    expect(enabled.body).toMatchObject({ disabled_at: null });
    expect((await login('alice', PASSWORD)).statusCode).toBe(200);
    await eventually(ask, { timeout: BELIEVED_MS + 3_000 }).toBe(401);
  });

  test('nothing leaves no trace', async () => {
    await api.newUser('alice', { scope: ['acme'] });
    const before = (await api.audited('alice')).length;
    const same = { role: 'viewer', tenants: ['acme'], disabled: false };
    expect((await api.call('PATCH', '/users/alice', same)).status).toBe(200);
    expect((await api.audited('alice')).length).toBe(before);
  });

  test('is refused for an unknown name, without a member, and for an admin of some tenants', async () => {
    await api.expectProblem(api.call('PATCH', '/users/no', { disabled: true }), 404, 'NOT_FOUND');
    await api.expectProblem(api.call('GET', '/users/no'), 404, 'NOT_FOUND');
    await api.newUser('alice', { scope: ['acme'] });
    const change = (asked: object) => api.call('PATCH', '/users/alice', asked);
    await api.expectProblem(change({}), 400, 'INVALID_REQUEST');
    await api.expectProblem(change({ role: 'admin' }), 400, 'INVALID_REQUEST');
    expect((await change({ role: 'admin', tenants: 'all' })).status).toBe(200);
    await api.expectProblem(change({ tenants: ['acme'] }), 400, 'INVALID_REQUEST');
  });
});

describe('an enabled administrator always remains', () => {
  const LOSSES = [{ disabled: true }, { role: 'operator' }, { role: 'viewer', tenants: ['a'] }];

  test.each(LOSSES)('%j of the last one is refused, also to a key', async (loss) => {
    await api.newUser('sleeping', { role: 'admin' });
    await api.call('PATCH', '/users/sleeping', { disabled: true });
    const { text } = await api.newKey('admin');
    for (const token of [api.root, text]) {
      const asked = api.call('PATCH', '/users/root', loss, token);
      await api.expectProblem(asked, 409, 'LAST_ADMIN');
    }
    expect((await api.call('GET', '/users/root')).body).toMatchObject({
      ...{ role: 'admin', disabled_at: null },
    });
  });

  test.each(LOSSES)('%j of oneself is refused, also if there are others', async (loss) => {
    await api.newUser('second', { role: 'admin' });
    await api.expectProblem(api.call('PATCH', '/users/root', loss), 409, 'OWN_ACCESS');
    const second = await api.call('PATCH', '/users/second', loss);
    expect(second.status).toBe(200);
  });

  test('when two administrators demote each other at once', async () => {
    const token = await api.newUser('second', { role: 'admin' });
    const answers = await api.atOnce('SELECT FROM users FOR UPDATE', [
      () => api.call('PATCH', '/users/second', { role: 'viewer' }),
      () => api.callOther('PATCH', '/users/root', { role: 'viewer' }, token),
    ]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
    const sql = "SELECT FROM users WHERE role = 'admin' AND disabled_at IS NULL";
    expect((await api.pool.query(sql)).rowCount).toBe(1);
    await api.pool.query("UPDATE users SET role = 'admin' WHERE username = 'root'");
  });
});

test('setting a password ends tokens, and only the new one logs in', async () => {
  const token = await api.newUser('alice');
  const password = 'set by an administrator';
  const { status, body } = await api.call('PUT', '/users/alice/password', { password });
  expect({ status, body }).toEqual({ status: 204, body: null });
  const ask = async () => (await api.callOther('GET', '/me', undefined, token)).status;
  await eventually(ask, { timeout: BELIEVED_MS + 3_000 }).toBe(401);
  expect((await login('alice', PASSWORD)).statusCode).toBe(401);
  expect((await login('alice', password)).statusCode).toBe(200);
  expect((await api.audited('alice')).at(-1)).toMatchObject({ action: 'password changed' });
  const unknown = api.call('PUT', '/users/nobody/password', { password });
  await api.expectProblem(unknown, 404, 'NOT_FOUND');
});

test('no password is kept or logged', async () => {
  expect(await api.traces()).not.toMatch(/correct horse|set by an admin|eleven char/);
});
