/** Subscriptions over HTTP, with RabbitMQ and the real handlers behind. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { CHANGES_MAX } from '../../src/subscriptions/subscriptions.ts';
import { authorization, createTestApp, fakeIdentities, forgeToken } from '../api/api-fixture.ts';
import { useSubscriptionsFixture } from './subscriptions-fixture.ts';

const fixture = useSubscriptionsFixture();
let app: Api;
/** Waits a fifth of a second for each answer. */
let impatient: Api;

beforeAll(async () => {
  const { pool, rpc, prefix } = fixture;
  const identities = fakeIdentities({ scoped: { role: 'operator', tenants: ['acme'] } });
  const subscriptions = { rpc, prefix, answerWithinMs: 20_000 };
  ({ app } = await createTestApp({ pool, identities, subscriptions }));
  const late = { ...subscriptions, answerWithinMs: 200 };
  ({ app: impatient } = await createTestApp({ pool, identities, subscriptions: late }));
});
afterAll(() => Promise.all([app.close(), impatient.close()]));

interface Asked {
  readonly key?: string;
  readonly as?: string;
  readonly via?: Api;
}

async function ask(
  method: 'POST' | 'PUT' | 'GET' | 'DELETE',
  path: string,
  body?: object,
  { key, as = 'alice', via = app }: Asked = {},
) {
  const response = await via.inject({
    method,
    url: `/api/v1/subscriptions${path}`,
    headers: {
      ...authorization(forgeToken({ claims: { sub: as } })),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    ...(body === undefined ? {} : { payload: body }),
  });
  return {
    status: response.statusCode,
    headers: response.headers,
    body: response.json<Record<string, unknown>>(),
  };
}

async function purchase(): Promise<string> {
  const { body } = await ask('POST', '', { user_id: `user-${randomUUID()}` });
  return String(body.id);
}

test('a purchase answers the row, where to find it, and who made it', async () => {
  const { status, headers, body } = await ask('POST', '', { user_id: 7, sku: 'ABC' });
  expect(status).toBe(201);
  expect(body).toMatchObject({ user_id: '7', sku: 'ABC', status: 'active' });
  const id = String(body.id);
  expect(headers.location).toBe(`/api/v1/subscriptions/${id}`);
  const found = await ask('GET', `/${id}`);
  expect(found.body).toEqual(body);
  expect(found.headers.etag).toBeDefined();
  const changes = await ask('GET', `/${id}/changes`);
  expect(changes.body.data).toMatchObject([{ cause: 'api', changed_by: 'alice' }]);
});

test('of 50 cancellations at once one answers 200, the others 409, and there is one change', async () => {
  const id = await purchase();
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => ask('PUT', `/${id}/status`, { canceled: true })),
  );
  const statuses = answers.map(({ status }) => status).sort();
  expect(statuses).toEqual([200, ...Array<number>(49).fill(409)]);
  const refused = answers.find(({ status }) => status === 409);
  expect(refused?.body).toMatchObject({ code: 'PULSE_API_SUBSCRIPTION_STATUS' });
  // They took turns: none failed because another had the same number.
  expect(new Set(fixture.outcomes)).toEqual(new Set(['done']));
  expect(await fixture.changes(id)).toHaveLength(2);
});

test('the same key has the same answer, whatever the status has become', async () => {
  const key = randomUUID();
  const body = { user_id: 'keyed' };
  const first = await ask('POST', '', body, { key });
  await ask('PUT', `/${String(first.body.id)}/status`, { canceled: true });
  const second = await ask('POST', '', body, { key });
  expect(second).toMatchObject({ status: 201, body: first.body });
  expect(second.headers['idempotent-replayed']).toBe('true');
  expect((await ask('POST', '', { user_id: 'other' }, { key })).status).toBe(422);
});

test('a late answer is 202, and the change still happens once', async () => {
  await fixture.pause();
  const key = randomUUID();
  const body = { user_id: 'waits' };
  const late = await ask('POST', '', body, { key, via: impatient });
  expect(late.status).toBe(202);
  const id = String(late.body.id);
  expect(late.headers.location).toBe(`/api/v1/subscriptions/${id}`);
  expect((await ask('GET', `/${id}`)).status).toBe(404);
  fixture.resume();
  const again = await ask('POST', '', body, { key });
  expect(again).toMatchObject({ status: 201, body: { id, status: 'active' } });
  expect(await fixture.changes(id)).toHaveLength(1);
});

test.each([
  [{}, 'body', 'must have exactly one of `canceled` and `restarted`'],
  [{ canceled: true, restarted: true }, 'body', 'must have exactly one of'],
  [{ canceled: false }, 'canceled', 'must be true'],
  [{ canceled: true, effective_at: 'tomorrow' }, 'effective_at', 'must be an RFC 3339 instant'],
  [{ canceled: true, effective_at: '2999-01-01T00:00:00Z' }, 'effective_at', 'must be within'],
])('the body %j of a change answers 400: %s %s', async (body, field, message) => {
  const { status, body: problem } = await ask('PUT', `/${await purchase()}/status`, body);
  expect(status).toBe(400);
  const starts = expect.stringMatching(new RegExp(`^${message}`)) as string;
  expect(problem.errors).toMatchObject([{ field, message: starts }]);
});

test('a change before the last one answers 409, and one of no subscription 404', async () => {
  const early = { canceled: true, effective_at: '2001-01-01T00:00:00Z' };
  const refused = await ask('PUT', `/${await purchase()}/status`, early);
  expect(refused).toMatchObject({ status: 409, body: { code: 'PULSE_API_CHANGE_TOO_EARLY' } });
  expect((await ask('PUT', `/${randomUUID()}/status`, { canceled: true })).status).toBe(404);
});

test('after 999 changes a subscription can only be canceled at once', async () => {
  const id = await purchase();
  const changed = CHANGES_MAX - 1;
  await fixture.pool.query(
    `INSERT INTO subscription_changes (subscription_id, number, kind, effective_at, cause, changed_by)
     SELECT $1, number, (array['canceled', 'restarted'])[1 + number % 2], now(), 'api', 'test'
     FROM generate_series(2, $2::integer) number`,
    [id, changed],
  );
  await fixture.pool.query('UPDATE subscriptions SET applied_number = $2 WHERE id = $1', [
    id,
    changed,
  ]);
  const put = (body: object) => ask('PUT', `/${id}/status`, body);
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const full = { status: 409, body: { code: 'PULSE_API_TOO_MANY_CHANGES' } };
  expect(await put({ canceled: true, effective_at: later })).toMatchObject(full);
  expect(await put({ canceled: true })).toMatchObject({ body: { status: 'canceled' } });
  const refused = await put({ restarted: true });
  expect(refused).toMatchObject(full);
  expect(refused.body.detail).toBe(
    'The subscription has 1000 changes: it cannot be restarted again. Purchase a new subscription.',
  );
  const list = await ask('GET', `/${id}/changes?limit=1000`);
  expect(list.body.data).toHaveLength(CHANGES_MAX);
});

test('a pending change is withdrawn once, and only the last one', async () => {
  const id = await purchase();
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  await ask('PUT', `/${id}/status`, { canceled: true, effective_at: at(1) });
  await ask('PUT', `/${id}/status`, { restarted: true, effective_at: at(2) });
  const middle = await ask('DELETE', `/${id}/changes/2`);
  expect(middle).toMatchObject({ status: 409, body: { code: 'PULSE_API_CHANGE_PENDING' } });
  const last = await ask('DELETE', `/${id}/changes/3`);
  expect(last).toMatchObject({ status: 200, body: { pending: [{ number: 2 }] } });
  const twice = await ask('DELETE', `/${id}/changes/3`);
  expect(twice).toMatchObject({ status: 409, body: { code: 'PULSE_API_CHANGE_NOT_PENDING' } });
});

test('a subscription whose purchase was withdrawn is canceled, and can be restarted', async () => {
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const { body } = await ask('POST', '', { user_id: 'regrets', effective_at: later });
  expect(body).toMatchObject({ status: 'pending', pending: [{ number: 1 }] });
  const path = `/${String(body.id)}`;
  expect((await ask('DELETE', `${path}/changes/1`)).body).toMatchObject({ status: 'canceled' });
  expect((await ask('PUT', `${path}/status`, { canceled: true })).status).toBe(409);
  const restarted = await ask('PUT', `${path}/status`, { restarted: true });
  expect(restarted).toMatchObject({ status: 200, body: { status: 'active', pending: [] } });
});

test('a caller of some tenants purchases for their customers only, and sees only theirs', async () => {
  await fixture.pool.query(
    `INSERT INTO customers (id, name, tenant) VALUES ('of-acme', 'Acme', 'acme'), ('of-other', 'Other', 'other')`,
  );
  const as = { as: 'scoped' };
  const own = await ask('POST', '', { user_id: 'of-acme' }, as);
  expect(own).toMatchObject({ status: 201, body: { tenant: 'acme' } });
  expect((await ask('POST', '', { user_id: 'of-other' }, as)).status).toBe(404);
  expect((await ask('POST', '', { user_id: 'unknown' }, as)).status).toBe(404);
  const other = await ask('POST', '', { user_id: 'of-other' });
  const path = `/${String(other.body.id)}`;
  expect((await ask('GET', path, undefined, as)).status).toBe(404);
  expect((await ask('GET', `${path}/changes`, undefined, as)).status).toBe(404);
  expect((await ask('PUT', `${path}/status`, { canceled: true }, as)).status).toBe(404);
  const list = await ask('GET', '', undefined, as);
  expect(list.body.data).toMatchObject([{ id: own.body.id }]);
});
