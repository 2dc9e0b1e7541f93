import { afterAll, beforeAll, expect, test } from 'vitest';
import { BELIEVED_MS } from '../../src/access/identities.ts';
import { createTestApp } from '../api/api-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { openAccessApi, PASSWORD, type AccessApi } from './access-api.ts';

const NEW = 'another long password';
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;

let api: AccessApi;
beforeAll(async () => {
  api = await openAccessApi();
});
afterAll(() => api.close());

const login = (username: string, password: string) =>
  api.app.inject({ method: 'POST', url: '/api/v1/login', payload: { username, password } });

test('a user learns its name, its rights, and when its token expires', async () => {
  const token = await api.newUser('alice', { role: 'operator', scope: ['acme', 'b'] });
  const { status, body } = await api.call('GET', '/me', undefined, token);
  expect({ status, body }).toEqual({
    status: 200,
    body: {
      ...{ kind: 'user', name: 'alice', actor: 'alice', role: 'operator' },
      ...{ tenants: ['acme', 'b'], expires_at: INSTANT },
    },
  });
  const { exp } = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
    exp: number;
  };
  expect(Date.parse(body!.expires_at as string)).toBe(exp * 1000);
});

test('a key learns what it is for', async () => {
  const { id, text } = await api.newKey('viewer');
  const { body } = await api.call('GET', '/me', undefined, text);
  expect(body).toEqual({
    ...{ kind: 'key', name: 'test', actor: `key:${id}`, role: 'viewer', tenants: 'all' },
    expires_at: INSTANT,
  });
});

test('SECRET_TOKEN never expires', async () => {
  const secretToken = 's'.repeat(40);
  const { app } = await createTestApp({ pool: api.pool }, { secretToken });
  const headers = { authorization: `Bearer ${secretToken}` };
  expect((await app.inject({ url: '/api/v1/me', headers })).json()).toEqual({
    ...{ kind: 'key', name: 'SECRET_TOKEN', actor: 'key:SECRET_TOKEN', role: 'operator' },
    ...{ tenants: 'all', expires_at: null },
  });
  await app.close();
});

test('a new password ends all other tokens, and the new token works at once in every process', async () => {
  const token = await api.newUser('bob');
  expect((await api.callOther('GET', '/me', undefined, token)).status).toBe(200);
  const asked = { current_password: PASSWORD, new_password: NEW };
  const { status, body, headers } = await api.call('PUT', '/me/password', asked, token);
  expect(status).toBe(200);
  expect(headers['cache-control']).toBe('no-store');
  const fresh = (body as { Auth: { Token: string } }).Auth.Token;
  for (const call of [api.call, api.callOther]) {
    expect((await call('GET', '/me', undefined, fresh)).status).toBe(200);
    const old = async () => (await call('GET', '/me', undefined, token)).status;
    await eventually(old, { timeout: BELIEVED_MS + 3_000 }).toBe(401);
  }
  expect((await login('bob', PASSWORD)).statusCode).toBe(401);
  expect((await login('bob', NEW)).statusCode).toBe(200);
  expect(await api.audited('bob')).toMatchObject([
    { action: 'user added' },
    { action: 'password changed', actor: 'bob', via: 'api', address: '127.0.0.1', details: {} },
  ]);
});

test('a wrong password changes nothing, and guessing it is limited as for logins', async () => {
  const token = await api.newUser('carol');
  const asked = { current_password: 'a wrong password', new_password: NEW };
  const guess = () => api.call('PUT', '/me/password', asked, token);
  await api.expectProblem(guess(), 422, 'WRONG_PASSWORD');
  for (let count = 1; count < 10; count++) await guess();
  const { status, headers } = await guess();
  expect({ status, wait: headers['retry-after'] }).toEqual({ status: 429, wait: '1' });
  // It is one counter.
  expect((await login('carol', PASSWORD)).statusCode).toBe(429);
  expect((await api.call('GET', '/me', undefined, token)).status).toBe(200);
});

test('of two changes at once, one counts', async () => {
  const token = await api.newUser('dave');
  const change = (index: number) => {
    const asked = { current_password: PASSWORD, new_password: `${NEW} ${index}` };
    return api.call('PUT', '/me/password', asked, token);
  };
  const statuses = (await Promise.all([change(1), change(2)])).map(({ status }) => status);
  expect(statuses.sort()).toEqual([200, 422]);
});

test('a key has no password, and a new one must be long enough', async () => {
  const { text } = await api.newKey('admin');
  const asked = { current_password: PASSWORD, new_password: NEW };
  await api.expectProblem(api.call('PUT', '/me/password', asked, text), 422, 'NO_PASSWORD');
  const short = { ...asked, new_password: 'only eleven' };
  const body = await api.expectProblem(
    api.call('PUT', '/me/password', short),
    400,
    'INVALID_REQUEST',
  );
  expect(JSON.stringify(body)).not.toContain('only eleven');
});

test('no password is kept or logged', async () => {
  expect(await api.traces()).not.toMatch(/correct horse|another long|a wrong password|only eleven/);
});
