import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { KEYS_MAX } from '../../src/access/access-rules.ts';
import { BELIEVED_MS } from '../../src/access/identities.ts';
import { parseKeyText } from '../../src/access/key-text.ts';
import { eventually } from '../support/eventually.ts';
import { openAccessApi, type AccessApi } from './access-api.ts';

const NEW = { name: 'meter', role: 'operator', tenants: ['acme'] };
const DAY_MS = 86_400_000;
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/) as string;

let api: AccessApi;
/** Every key that the API has shown. */
const shown: string[] = [];
beforeAll(async () => {
  api = await openAccessApi();
});
beforeEach(() => api.pool.query('DELETE FROM api_keys'));
afterAll(() => api.close());

const create = async (asked: object = NEW) => {
  const answer = await api.call('POST', '/keys', asked);
  const { id, key } = answer.body as { id: string; key?: string };
  if (key !== undefined) shown.push(key);
  return { ...answer, id, key: key ?? '' };
};

test('a new key is shown once, is valid for as long as asked, and works', async () => {
  const { status, body, headers, id, key } = await create({ ...NEW, expires_in_days: 7 });
  expect({ status, body }).toEqual({
    status: 201,
    body: {
      ...{ id: parseKeyText(key)!.id, name: 'meter', role: 'operator', tenants: ['acme'] },
      ...{ created_by: 'root', created_at: INSTANT, expires_at: INSTANT },
      ...{ revoked_at: null, last_used_at: null, key },
    },
  });
  expect(headers['cache-control']).toBe('no-store');
  const { created_at, expires_at } = body as Record<string, string>;
  expect(Date.parse(expires_at!) - Date.parse(created_at!)).toBe(7 * DAY_MS);
  expect((await api.call('GET', '/me', undefined, key)).body).toMatchObject({
    ...{ kind: 'key', name: 'meter', actor: `key:${id}`, expires_at },
  });
  const listed = await api.call('GET', '/keys');
  expect(listed.body).toMatchObject({ data: [{ id, name: 'meter' }], next: null });
  expect(JSON.stringify(listed.body)).not.toContain(key.slice(23, 60));
  expect(await api.audited(id)).toMatchObject([
    { action: 'key created', actor: 'root', via: 'api', details: { name: 'meter' } },
  ]);
});

test('an answer with a key is never compressed', async () => {
  const tenants = Array.from({ length: 200 }, (_, index) => `tenant-${index}`);
  const res = await api.app.inject({
    ...{ method: 'POST', url: '/api/v1/keys', payload: { ...NEW, tenants } },
    headers: { authorization: `Bearer ${api.root}`, 'accept-encoding': 'gzip' },
  });
  shown.push(res.json<{ key: string }>().key);
  expect(res.body.length).toBeGreaterThan(1_400);
  expect(res.headers['content-encoding']).toBeUndefined();
});

test('a repetition with an Idempotency-Key makes another key, and no answer is kept', async () => {
  const ask = () =>
    api.app.inject({
      ...{ method: 'POST', url: '/api/v1/keys', payload: NEW },
      headers: { authorization: `Bearer ${api.root}`, 'idempotency-key': 'one' },
    });
  const keys = [await ask(), await ask()].map((res) => res.json<{ key: string }>().key);
  shown.push(...keys);
  expect(new Set(keys).size).toBe(2);
  expect((await api.pool.query('SELECT FROM idempotency_keys')).rowCount).toBe(0);
});

test('a key is valid for 90 days by default, and may be an admin of all tenants', async () => {
  const { body } = await create({ name: 'root', role: 'admin', tenants: 'all' });
  const { created_at, expires_at } = body as Record<string, string>;
  expect(Date.parse(expires_at!) - Date.parse(created_at!)).toBe(90 * DAY_MS);
  expect(body).toMatchObject({ role: 'admin', tenants: 'all' });
});

test.each([
  ['name', { ...NEW, name: '' }],
  ['name', { ...NEW, name: 'a\nb' }],
  ['name', { ...NEW, name: 'x'.repeat(129) }],
  ['role', { ...NEW, role: 'owner' }],
  ['tenants', { ...NEW, role: 'admin' }],
  ['expires_in_days', { ...NEW, expires_in_days: 0 }],
  ['expires_in_days', { ...NEW, expires_in_days: 3_651 }],
  ['expires_in_days', { ...NEW, expires_in_days: 1.5 }],
  ['key', { ...NEW, key: 'mine' }],
])('400 names %s: %j', async (field, payload) => {
  const { status, body } = await create(payload);
  expect({ status, body }).toMatchObject({ status: 400, body: { errors: [{ field }] } });
});

test('the list comes newest first, page by page, and every key once', async () => {
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.unshift((await create()).id);
  // Keys of one instant.
  await api.pool.query("UPDATE api_keys SET created_at = '2026-01-01', expires_at = '2026-02-01'");
  const seen: string[] = [];
  let path = '/keys?limit=2';
  for (;;) {
    const { body, headers } = await api.call('GET', path);
    const { data, next } = body as { data: { id: string }[]; next: string | null };
    seen.push(...data.map(({ id }) => id));
    if (next === null) break;
    path = `/keys?limit=2&after=${next}`;
    expect(headers.link).toBe(`</api/v1${path}>; rel="next"`);
  }
  expect(seen).toEqual([...ids].sort().reverse());
  await api.expectProblem(api.call('GET', '/keys?after=1.x'), 400, 'INVALID_REQUEST');
});

test('a revoked key is refused within 2 seconds, and revoking it again changes nothing', async () => {
  const { id, key } = await create();
  const ask = async () => (await api.callOther('GET', '/me', undefined, key)).status;
  expect(await ask()).toBe(200);
  for (let time = 0; time < 2; time++) {
    const { status, body } = await api.call('DELETE', `/keys/${id}`);
    expect({ status, body }).toEqual({ status: 204, body: null });
  }
  await eventually(ask, { timeout: BELIEVED_MS + 3_000 }).toBe(401);
  const { body } = await api.call('GET', '/keys');
  expect(body).toMatchObject({ data: [{ id, revoked_at: INSTANT }] });
  const actions = (await api.audited(id)).map(({ action }) => action);
  expect(actions).toEqual(['key created', 'key revoked']);
  await api.expectProblem(api.call('DELETE', '/keys/0123456789abcdef'), 404, 'NOT_FOUND');
});

test('there is a limit of keys that are not revoked', async () => {
  await api.pool.query(
    `INSERT INTO api_keys (id, secret_hash, name, role, all_tenants, created_by, expires_at)
     SELECT lpad(to_hex(n), 16, '0'), sha256(n::text::bytea), 'x', 'viewer', true, 'x', now() + interval '1 day'
     FROM generate_series(1, $1) n`,
    [KEYS_MAX - 1],
  );
  const statuses = (await Promise.all([create(), create()])).map(({ status }) => status);
  expect(statuses.sort()).toEqual([201, 409]);
  await api.expectProblem(api.call('POST', '/keys', NEW), 409, 'TOO_MANY_KEYS');
  await api.call('DELETE', '/keys/0000000000000001');
  expect((await create()).status).toBe(201);
});

test('no key is kept or logged', async () => {
  const traces = await api.traces();
  expect(shown.length).toBeGreaterThan(10);
  for (const key of shown) expect(traces).not.toContain(key.slice(23, 87));
});
