import { hash } from '@node-rs/argon2';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createIdentities } from '../../src/access/identities.ts';
import { ensureAdmin, findUser } from '../../src/access/users.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { createTestApp, type LogLines } from '../api/api-fixture.ts';

const SOURCE = { actor: 'ops', via: 'command_line' } as const;
const ADMIN = { username: 'admin', password: 'correct horse battery' };

const LIMITS = { perAccount: 4, perAddress: 12, windowMs: 60_000, accountsMax: 500 };

let services: IsolatedServices;
let pool: Pool;
let app: Api;
let lines: LogLines;

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'test', logger: pino({ level: 'silent' }) });
});

beforeEach(async () => {
  await pool.query('DELETE FROM users');
  await pool.query('DELETE FROM login_attempts');
  await ensureAdmin(pool, ADMIN, SOURCE);
  const loginLimits = LIMITS;
  ({ app, lines } = await createTestApp(
    { pool, identities: createIdentities(pool, pino({ level: 'silent' })) },
    { loginLimits, trustProxy: ['127.0.0.1'] },
  ));
});

afterEach(() => app.close());

afterAll(async () => {
  await pool.end();
  await services.close();
});

const login = (payload: object, address = '192.0.2.1') =>
  app.inject({
    method: 'POST',
    url: '/api/v1/login',
    headers: { 'x-forwarded-for': address },
    payload,
  });

test('the right credentials return a token that the API accepts', async () => {
  const res = await login(ADMIN);
  expect(res.statusCode).toBe(200);
  const body = res.json<{ Auth: { Token: string; ExpiresAt: number } }>();
  expect(body).toEqual({
    Auth: { Token: expect.any(String) as string, ExpiresAt: expect.any(Number) as number },
  });
  expect(body.Auth.ExpiresAt - Date.now() / 1000).toBeCloseTo(600, -1);
  expect(res.headers['cache-control']).toBe('no-store');
  const headers = { authorization: `Bearer ${body.Auth.Token}` };
  expect((await app.inject({ url: '/api/v1/pulses', headers })).statusCode).toBe(200);
  const claims = JSON.parse(
    Buffer.from(body.Auth.Token.split('.')[1]!, 'base64url').toString(),
  ) as object;
  expect(claims).toMatchObject({ sub: 'admin', iss: 'pulse-test', aud: 'pulse-api' });
  expect(Object.keys(claims).sort()).toEqual(['aud', 'exp', 'iat', 'iss', 'jti', 'sub', 'ver']);
});

test('a wrong password and an unknown name get the same answer', async () => {
  const wrong = await login({ ...ADMIN, password: 'wrong' });
  const unknown = await login({ ...ADMIN, username: 'nobody' });
  for (const res of [wrong, unknown]) {
    expect(res.statusCode).toBe(401);
    expect(res.headers['www-authenticate']).toBe('Bearer realm="pulse"');
    expect(res.json()).toMatchObject({ code: 'PULSE_API_INVALID_CREDENTIALS' });
  }
  const sameParts = ({ request_id: _id, ...rest }: Record<string, unknown>) => rest;
  expect(sameParts(wrong.json())).toEqual(sameParts(unknown.json()));
});

test('an unknown name takes about as long as a known one', async () => {
  const medianMs = async (username: string) => {
    const times: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      await pool.query('DELETE FROM login_attempts');
      const startMs = performance.now();
      await login({ username, password: 'wrong' }, `192.0.2.${10 + attempt}`);
      times.push(performance.now() - startMs);
    }
    return times.sort((a, b) => a - b)[4]!;
  };
  await medianMs('warmup');
  const [known, unknown] = [await medianMs('admin'), await medianMs('nobody')];
  // Times vary on a busy machine; without the dummy hash the ratio is above ten.
  expect(Math.max(known, unknown) / Math.min(known, unknown)).toBeLessThan(3);
});

test('logins are logged, without passwords and without unknown names', async () => {
  await login(ADMIN);
  await login({ ...ADMIN, password: 'wrong-password' });
  await login({ username: 'my-secret-in-the-wrong-field', password: 'x' });
  const found = lines.filter(({ msg }) => String(msg).startsWith('login'));
  expect(found).toMatchObject([
    { msg: 'login accepted', username: 'admin', address: '192.0.2.1' },
    { msg: 'login refused', username: 'admin', known: true },
    { msg: 'login refused', known: false },
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/correct horse|wrong-password|my-secret/);
});

describe('guessing is limited', () => {
  const guess = async (times: number, address: (index: number) => string) => {
    const statuses: number[] = [];
    for (let index = 0; index < times; index++) {
      statuses.push((await login({ ...ADMIN, password: 'wrong' }, address(index))).statusCode);
    }
    return statuses;
  };
  const stranger = (index: number) => `203.0.113.${index}`;
  /** Simulates that time has passed. */
  const pass = (seconds: number) =>
    pool.query(
      `UPDATE login_attempts SET blocked_until = blocked_until - $1 * interval '1 second',
                                 forget_at = forget_at - $1 * interval '1 second'`,
      [seconds],
    );

  test('per account over all addresses, even with the right password', async () => {
    expect(await guess(5, stranger)).toEqual([401, 401, 401, 401, 429]);
    const res = await login(ADMIN, '198.51.100.1');
    expect(res.statusCode).toBe(429);
    expect(res.headers['retry-after']).toBe('1');
    expect(res.json()).toMatchObject({ code: 'PULSE_API_TOO_MANY_REQUESTS', status: 429 });
    expect((await login({ ...ADMIN, username: 'other' })).statusCode).toBe(401);
  });

  test('by waits that double up to a quarter of an hour', async () => {
    await guess(4, stranger);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 12; attempt++) {
      const res = await login({ ...ADMIN, password: 'wrong' }, stranger(attempt));
      waits.push(Number(res.headers['retry-after']));
      await pass(waits.at(-1)!);
      const next = await login({ ...ADMIN, password: 'wrong' }, stranger(100 + attempt));
      expect(next.statusCode).toBe(401);
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    await pass(900);
    expect((await login(ADMIN, '198.51.100.1')).statusCode).toBe(200);
  });

  test('without locking the owner out at a usual address', async () => {
    expect((await login(ADMIN, '192.0.2.1')).statusCode).toBe(200);
    expect((await guess(6, stranger)).at(-1)).toBe(429);
    expect((await login(ADMIN, '192.0.2.1')).statusCode).toBe(200);
    // At every other address, the guesses of strangers still count.
    expect((await login(ADMIN, stranger(50))).statusCode).toBe(429);
  });

  test('for unknown names as for any other', async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      const payload = { username: 'nobody', password: 'x' };
      statuses.push((await login(payload, stranger(attempt))).statusCode);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 429]);
  });

  test('per address over all accounts', async () => {
    const statuses: number[] = [];
    for (let attempt = 0; attempt < 13; attempt++) {
      statuses.push((await login({ username: `user${attempt}`, password: 'x' })).statusCode);
    }
    expect(statuses).toEqual([...Array<number>(12).fill(401), 429]);
    await pass(60);
    expect((await login(ADMIN)).statusCode).toBe(200);
  });

  test('for simultaneous attempts in several processes as for successive ones', async () => {
    const { app: second } = await createTestApp({ pool }, { loginLimits: LIMITS });
    // Few, so that they are over before the first wait is.
    const guesses = Array.from({ length: 12 }, (_, index) =>
      [app, second][index % 2]!.inject({
        method: 'POST',
        url: '/api/v1/login',
        remoteAddress: `203.0.113.${index}`,
        payload: { ...ADMIN, password: 'wrong' },
      }),
    );
    const statuses = (await Promise.all(guesses)).map((res) => res.statusCode);
    expect(statuses.filter((status) => status === 401)).toHaveLength(4);
    await second.close();
  });

  test('and the counters reveal nothing that was typed', async () => {
    await login({ username: 'my-secret-in-the-wrong-field', password: 'x' });
    const { rows } = await pool.query('SELECT * FROM login_attempts');
    expect(JSON.stringify(rows)).not.toContain('my-secret');
  });
});

test.each([
  ['username', { password: 'x' }],
  ['password', { username: 'x' }],
  ['username', { username: '', password: 'x' }],
  ['username', { username: 7, password: 'x' }],
  ['username', { username: ['admin'], password: 'x' }],
  ['username', { username: 'a\u0000b', password: 'x' }],
  ['username', { username: 'x'.repeat(65), password: 'x' }],
  ['password', { username: 'x', password: null }],
  ['password', { username: 'x', password: true }],
  ['password', { username: 'x', password: 'x'.repeat(1025) }],
  ['role', { ...ADMIN, role: 'admin' }],
])('400 names %s: %j', async (field, payload) => {
  const res = await login(payload);
  expect(res.statusCode).toBe(400);
  expect(res.json()).toMatchObject({ errors: [{ field }] });
});

test.each(["admin'--", "' OR 1=1 --", 'admin"; DROP TABLE users; --', '\ufffd'])(
  'the name %j is treated as any other name',
  async (username) => {
    expect((await login({ username, password: ADMIN.password })).statusCode).toBe(401);
    expect(await findUser(pool, 'admin')).toBeDefined();
  },
);

test('400 for a name that is not text', async () => {
  const res = await login({ username: '\ud800', password: ADMIN.password });
  expect(res.statusCode).toBe(400);
  expect(res.json()).toMatchObject({ code: 'PULSE_API_MALFORMED_BODY' });
});

test('many logins at once are all answered', async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      login({ username: `user${index}`, password: 'x' }, `198.51.100.${index}`),
    ),
  );
  expect(new Set(answers.map((res) => res.statusCode))).toEqual(new Set([401]));
});

test('a disabled user gets the same answer as a wrong password', async () => {
  await pool.query('UPDATE users SET disabled_at = now()');
  const res = await login(ADMIN);
  expect(res.statusCode).toBe(401);
  expect(res.json()).toMatchObject({ code: 'PULSE_API_INVALID_CREDENTIALS' });
});

describe('the administrator', () => {
  const stored = async () => (await findUser(pool, ADMIN.username))!.passwordHash;

  test('is not changed while the password verifies', async () => {
    const before = await stored();
    expect(await ensureAdmin(pool, ADMIN, SOURCE)).toBe('unchanged');
    expect(await stored()).toBe(before);
  });

  test('gets the new password when the configured one changes', async () => {
    expect(await ensureAdmin(pool, { ...ADMIN, password: 'a new one' }, SOURCE)).toBe('written');
    expect((await login(ADMIN)).statusCode).toBe(401);
    expect((await login({ ...ADMIN, password: 'a new one' })).statusCode).toBe(200);
  });

  test('is created once by many processes', async () => {
    await pool.query('DELETE FROM users');
    await Promise.all([1, 2, 3, 4].map(() => ensureAdmin(pool, ADMIN, SOURCE)));
    expect((await pool.query('SELECT FROM users')).rowCount).toBe(1);
    expect((await login(ADMIN)).statusCode).toBe(200);
  });

  test('gets a new hash at login when the old one is outdated', async () => {
    const old = await hash(ADMIN.password, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
    await pool.query('UPDATE users SET password_hash = $1', [old]);
    expect((await login({ ...ADMIN, password: 'wrong' })).statusCode).toBe(401);
    expect(await stored()).toBe(old);
    expect((await login(ADMIN)).statusCode).toBe(200);
    expect(await stored()).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    expect((await login(ADMIN)).statusCode).toBe(200);
  });
});
