/** What strangers ask for takes little of Postgres and of the CPU, so that callers who are known are answered. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createKeyText } from '../../src/access/key-text.ts';
import { eventually } from '../support/eventually.ts';
import { useLocker } from '../support/locker.ts';
import { openAccessApi, PASSWORD, type AccessApi } from './access-api.ts';

/** Of a pool of 10 connections, for one caller or tenant. */
const SHARE = 4;

let api: AccessApi;
const locker = useLocker(() => api.pool);

beforeAll(async () => {
  api = await openAccessApi();
});
afterAll(() => api.close());
beforeEach(() => api.pool.query('DELETE FROM login_attempts'));

/** An address that is a group of its own. */
const addressOf = (index: number) => `203.0.${index >> 8}.${index & 255}`;

const tryKey = (index: number) =>
  api.app.inject({
    url: '/api/v1/pulses',
    remoteAddress: addressOf(index),
    headers: { authorization: `Bearer ${createKeyText().text}` },
  });

const login = (username: string, password: string, remoteAddress: string) =>
  api.app.inject({
    ...{ method: 'POST', url: '/api/v1/login', remoteAddress },
    payload: { username, password },
  });

test.each([
  ['keys', 'api_keys', 401, tryKey],
  ['logins', 'login_attempts', 401, (index: number) => login(randomUUID(), 'x', addressOf(index))],
])('invented %s take one connection', async (_what, table, status, attempt) => {
  await locker.client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  const attempts = Promise.all(Array.from({ length: 40 }, (_, index) => attempt(index)));
  await eventually(locker.waiting).toBe(1);
  expect((await api.call('GET', '/pulses')).status).toBe(200);
  expect((await api.call('GET', '/users')).status).toBe(200);
  expect(await locker.waiting()).toBe(1);
  await locker.client.query('COMMIT');
  expect(new Set((await attempts).map(({ statusCode }) => statusCode))).toEqual(new Set([status]));
});

test('one user who changes a password again and again takes few connections', async () => {
  const alice = await api.newUser('again');
  const wrong = { current_password: 'wrong password', new_password: 'another password' };
  await locker.client.query('BEGIN; LOCK TABLE login_attempts IN ACCESS EXCLUSIVE MODE');
  const changes = Promise.all(
    Array.from({ length: 40 }, () => api.call('PUT', '/me/password', wrong, alice)),
  );
  await eventually(locker.waiting).toBe(SHARE);
  expect((await api.call('GET', '/pulses')).status).toBe(200);
  expect(await locker.waiting()).toBe(SHARE);
  await locker.client.query('COMMIT');
  expect((await changes).map(({ status }) => status)).toContain(429);
});

test('a login from a usual address does not wait for the turns of strangers', async () => {
  const usual = '198.51.100.2';
  expect((await login('root', PASSWORD, usual)).statusCode).toBe(200);
  await locker.client.query('BEGIN; LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE');
  const strangers = Array.from({ length: 40 }, (_, index) => tryKey(index));
  await eventually(locker.waiting).toBe(1);
  expect((await login('root', PASSWORD, usual)).statusCode).toBe(200);
  expect(await locker.waiting()).toBe(1);
  await locker.client.query('COMMIT');
  await Promise.all(strangers);
});

test('a flood of invented logins from many addresses keeps nobody out who is known', async () => {
  const usual = '198.51.100.1';
  expect((await login('root', PASSWORD, usual)).statusCode).toBe(200);
  const alice = await api.newUser('alice');
  let flooding = true;
  const strangers = Array.from({ length: 60 }, async (_, index) => {
    while (flooding) await login(randomUUID(), 'x', addressOf(index));
  });
  const body = { current_password: PASSWORD, new_password: `${PASSWORD}!` };
  const user = { username: 'bob', password: PASSWORD, role: 'viewer', tenants: 'all' };
  try {
    expect((await login('root', PASSWORD, usual)).statusCode).toBe(200);
    expect((await api.call('PUT', '/me/password', body, alice)).status).toBe(200);
    expect((await api.call('POST', '/users', user)).status).toBe(201);
  } finally {
    flooding = false;
    await Promise.all(strangers);
  }
});

test('too many logins at once from one address are refused, and those of another are not', async () => {
  const attempts = Array.from({ length: 60 }, () => login(randomUUID(), 'x', '203.0.113.1'));
  const other = await login('root', PASSWORD, '203.0.113.2');
  expect(other.statusCode).toBe(200);
  const answers = await Promise.all(attempts);
  expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([401, 429, 503]));
  const refused = answers.find(({ statusCode }) => statusCode === 503);
  expect(refused?.headers['retry-after']).toBe('5');
  expect(refused?.json()).toMatchObject({ code: 'PULSE_API_BUSY' });
});
