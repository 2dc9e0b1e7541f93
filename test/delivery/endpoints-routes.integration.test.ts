/** Endpoints over HTTP: created, changed, shown, deleted. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { createAddressGuard } from '../../src/delivery/address-guard.ts';
import { KNOWN_MAX } from '../../src/delivery/change-endpoint.ts';
import { createSecretBox } from '../../src/delivery/secret-box.ts';
import { newSecret } from '../../src/delivery/signature.ts';
import { useDeliveryApi } from './delivery-api.ts';

const api = useDeliveryApi();
const URL = 'https://example.com/hook';
const newId = () => `endpoint-${randomUUID()}`;

async function create(more: object = {}, id = newId()) {
  const client = await api.makeClient();
  const { status, headers, body } = await api.ask('PUT', `/endpoints/${id}`, {
    ...{ client, url: URL },
    ...more,
  });
  expect(status, JSON.stringify(body)).toBe(201);
  return { id, client, headers, secret: String(body.secret), body };
}

test('the answer that creates an endpoint has its secret, and no later one has', async () => {
  const { id, client, secret, body, headers } = await create();
  expect(headers.location).toBe(`/api/v1/endpoints/${id}`);
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(body).toMatchObject({ id, client, url: URL, status: 'enabled', version: 1, types: null });
  const changed = await api.ask('PUT', `/endpoints/${id}`, { client, url: `${URL}/2` });
  expect(changed).toMatchObject({ status: 200, body: { url: `${URL}/2`, version: 2 } });
  const shown = await api.ask('GET', `/endpoints/${id}`);
  expect(shown.body).toEqual(changed.body);
  const listed = await api.ask('GET', `/endpoints?client=${client}`);
  expect(listed.body.data).toEqual([changed.body]);
  const encoded = Buffer.from(secret).toString('base64');
  for (const answer of [changed, shown, listed]) {
    expect(JSON.stringify(answer)).not.toMatch(/whsec_|secret/);
  }
  const { rows } = await api.pool.query<{ text: string }>(
    `SELECT endpoints::text || encode(secret, 'escape') || encode(secret, 'base64') AS text FROM endpoints WHERE id = $1
     UNION ALL SELECT audit_log::text FROM audit_log`,
    [id],
  );
  expect(rows.some(({ text }) => text.includes(`PUT /api/v1/endpoints/${id}`))).toBe(true);
  const seen = JSON.stringify([rows, api.lines]);
  for (const part of [secret, secret.slice(6), encoded]) expect(seen).not.toContain(part);
});

test('an endpoint is shown with all that it was given, and an ETag', async () => {
  const given = {
    ...{ types: ['thing.made', 'thing.sold'], description: 'Ours.', fifo: true },
    ...{ filter: { kind: 'a', count: 1.5, is_new: true, gone: null }, rate_per_second: 7 },
  };
  const { id, client } = await create({ ...given, status: 'disabled' });
  const shown = await api.ask('GET', `/endpoints/${id}`);
  expect(shown.body).toMatchObject({
    ...given,
    ...{ status: 'disabled', disabled_reason: 'requested', failing_since: null },
    ...{ failures_in_row: 0, last_attempt_at: null, last_success_at: null },
  });
  const headers = { 'if-none-match': String(shown.headers.etag) };
  expect((await api.ask('GET', `/endpoints/${id}`, undefined, { headers })).status).toBe(304);
  // What is left out gets its default; the status stays.
  const changed = await api.ask('PUT', `/endpoints/${id}`, { client, url: URL });
  expect(changed.body).toMatchObject({
    ...{ types: null, description: null, fifo: false, filter: null, rate_per_second: null },
    status: 'disabled',
  });
});

test('an endpoint that is enabled gets what is stored from then on', async () => {
  const receiver = await api.startReceiver();
  const { id, client } = await create({ url: receiver.url, status: 'disabled' });
  await api.store(client, [{ one: 1 }]);
  const body = { client, url: receiver.url, status: 'enabled' };
  expect((await api.ask('PUT', `/endpoints/${id}`, body)).body).toMatchObject({
    status: 'enabled',
    disabled_reason: null,
  });
  await api.store(client, [{ two: 2 }]);
  api.startSender();
  await expect.poll(() => receiver.received.length, { timeout: 10_000 }).toBe(1);
  expect(receiver.received[0]!.body).toContain('"number":2');
  await api.stop();
});

test('a secret of the caller is used, and is refused for an endpoint that exists', async () => {
  const secret = newSecret();
  const { id, client, body } = await create({ secret });
  expect(body.secret).toBe(secret);
  const again = await api.ask('PUT', `/endpoints/${id}`, { client, url: URL, secret });
  expect(again).toMatchObject({ status: 409, body: { code: 'PULSE_API_ENDPOINT_SECRET' } });
  expect(JSON.stringify(again.body)).not.toContain(secret);
});

test.each([
  ['url', { url: 'http://127.0.0.1/' }, '127.0.0.1 is not a public address.'],
  ['url', { url: 'http://[::ffff:10.0.0.1]/' }, 'is not a public address.'],
  [
    'url',
    { url: 'http://localhost:8080/' },
    'localhost is not a public address. Whoever runs Pulse can allow it with WEBHOOK_ALLOWED_RANGES.',
  ],
  ['url', { url: 'http://169.254.169.254/latest' }, 'is not a public address.'],
  ['url', { url: 'https://example.com:22/' }, 'Port 22 is not allowed'],
  ['url', { url: 'ftp://example.com/' }, 'must begin with https:// or http://'],
  ['url', { url: 'https://user:pass@example.com/' }, 'must not contain a user name'],
  ['secret', { secret: 'whsec_c2hvcnQ=' }, 'must be `whsec_` and 24 to 64 bytes in base64'],
  ['types', { types: [] }, ''],
  ['types.0', { types: ['a b'] }, ''],
  ['filter', { filter: {} }, ''],
  ['filter.a', { filter: { a: { b: 1 } } }, ''],
  [
    'filter',
    { filter: { ['a'.repeat(257)]: 1 } },
    'must not have names of more than 256 characters',
  ],
  ['filter', { filter: { a: '\u0000' } }, 'must not contain NUL or half of a surrogate pair'],
  [
    'filter',
    { filter: Object.fromEntries(Array.from({ length: 11 }, (_, n) => [`m${n}`, n])) },
    '',
  ],
  ['rate_per_second', { rate_per_second: 0 }, ''],
  ['status', { status: 'deleted' }, ''],
])('a wrong %s (%j) is refused with 400, and nothing is created', async (field, given, message) => {
  const via = await api.openApp({
    guard: createAddressGuard({ allowPrivate: false, allowedRanges: [] }),
  });
  const client = await api.makeClient();
  const id = newId();
  const body = { client, url: URL, ...given };
  const refused = await api.ask('PUT', `/endpoints/${id}`, body, { via });
  expect(refused.status).toBe(400);
  const errors = refused.body.errors as { field: string; message: string }[];
  expect(errors.map((one) => one.field)).toContain(field);
  expect(errors.map((one) => one.message).join()).toContain(message);
  expect((await api.ask('GET', `/endpoints/${id}`)).status).toBe(404);
});

test('a URL is checked when it changes, and a refused one leaves the endpoint as it is', async () => {
  const { id, client, body } = await create();
  const via = await api.openApp({
    guard: createAddressGuard({ allowPrivate: false, allowedRanges: [] }),
  });
  const change = { client, url: 'http://10.0.0.1/' };
  expect((await api.ask('PUT', `/endpoints/${id}`, change, { via })).status).toBe(400);
  expect((await api.ask('GET', `/endpoints/${id}`)).body.version).toBe(body.version);
});

test('the client of an endpoint never changes, not even after it was deleted', async () => {
  const { id } = await create();
  const other = { client: await api.makeClient(), url: URL };
  const code = 'PULSE_API_ENDPOINT_CLIENT';
  expect(await api.ask('PUT', `/endpoints/${id}`, other)).toMatchObject({
    ...{ status: 409, body: { code } },
  });
  expect((await api.ask('DELETE', `/endpoints/${id}`)).status).toBe(204);
  expect(await api.ask('PUT', `/endpoints/${id}`, other)).toMatchObject({
    ...{ status: 409, body: { code } },
  });
});

test('a deleted endpoint is gone, and its pending deliveries have failed', async () => {
  const receiver = await api.startReceiver((response) => response.writeHead(500).end());
  const { id, client } = await create({ url: receiver.url });
  await api.store(client, [{ one: 1 }]);
  api.startSender();
  await expect.poll(() => api.deliveries(id), { timeout: 10_000 }).toMatchObject([{ attempts: 1 }]);
  await api.stop();
  expect((await api.ask('DELETE', `/endpoints/${id}`)).status).toBe(204);
  expect((await api.ask('DELETE', `/endpoints/${id}`)).status).toBe(404);
  expect((await api.ask('GET', `/endpoints/${id}`)).status).toBe(404);
  expect((await api.ask('GET', `/endpoints?client=${client}`)).body.data).toEqual([]);
  const listed = await api.ask('GET', `/deliveries?endpoint=${id}`);
  expect(listed.body.data).toMatchObject([
    { status: 'failed', last_error: 'endpoint_deleted', next_attempt_at: null },
  ]);
  // Created anew, it gets nothing of before, and has another secret.
  const again = await api.ask('PUT', `/endpoints/${id}`, { client, url: receiver.url });
  expect(again.status).toBe(201);
});

test('a client has 50 endpoints at most, however many are created at once', async () => {
  const client = await api.makeClient();
  const answers = await Promise.all(
    Array.from({ length: 55 }, () => api.ask('PUT', `/endpoints/${newId()}`, { client, url: URL })),
  );
  const refused = answers.filter(({ status }) => status !== 201);
  expect(refused).toHaveLength(5);
  for (const answer of refused) {
    expect(answer).toMatchObject({ status: 409, body: { code: 'PULSE_API_TOO_MANY_ENDPOINTS' } });
  }
  const first = await api.ask('GET', `/endpoints?client=${client}&limit=49`);
  const next = String(first.body.next);
  expect(first.headers.link).toContain(`after=${next}`);
  const rest = await api.ask('GET', `/endpoints?client=${client}&after=${next}`);
  expect(rest.body).toMatchObject({ data: [{}], next: null });
});

test('deleted endpoints count until they are removed, and their ids can be used again', async () => {
  const { id, client } = await create();
  await api.ask('DELETE', `/endpoints/${id}`);
  await api.pool.query(
    `INSERT INTO endpoints (id, client, url, secret, status)
     SELECT $1 || number, $1, 'https://example.com', '', 'deleted' FROM generate_series(1, $2) number`,
    [client, KNOWN_MAX - 1],
  );
  const refused = await api.ask('PUT', `/endpoints/${newId()}`, { client, url: URL });
  expect(refused).toMatchObject({ status: 409, body: { code: 'PULSE_API_TOO_MANY_ENDPOINTS' } });
  expect(refused.body.detail).toContain('1000 endpoints whose deliveries are kept');
  expect((await api.ask('PUT', `/endpoints/${id}`, { client, url: URL })).status).toBe(201);
});

test('two requests that create the same endpoint make one, and one of them has the secret', async () => {
  const client = await api.makeClient();
  const id = newId();
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => api.ask('PUT', `/endpoints/${id}`, { client, url: URL })),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 201]);
  expect(answers.filter(({ body }) => 'secret' in body)).toHaveLength(1);
});

test('without a key nothing is created, and the answer names the variable; the rest works', async () => {
  const via = await api.openApp({ secretBox: createSecretBox([]) });
  const { id, client } = await create();
  const problem = { status: 409, body: { code: 'PULSE_API_NO_SECRET_KEY' } };
  const refused = await api.ask('PUT', `/endpoints/${newId()}`, { client, url: URL }, { via });
  expect(refused).toMatchObject(problem);
  expect(refused.body.detail).toContain('WEBHOOK_SECRET_KEYS');
  const rotated = await api.ask('POST', `/endpoints/${id}/rotate-secret`, {}, { via });
  expect(rotated).toMatchObject(problem);
  expect(await api.ask('POST', `/endpoints/${id}/test`, undefined, { via })).toMatchObject(problem);
  const change = { client, url: `${URL}/2`, status: 'disabled' };
  expect((await api.ask('PUT', `/endpoints/${id}`, change, { via })).status).toBe(200);
  expect((await api.ask('DELETE', `/endpoints/${id}`, undefined, { via })).status).toBe(204);
});

test('a caller of some tenants works with the endpoints of their clients only', async () => {
  const [own, foreign] = [await create(), await create()];
  const as = { as: own.client };
  const path = `/endpoints/${foreign.id}`;
  const noCustomer = { client: foreign.client, url: URL };
  const unknown = await api.ask('PUT', `/endpoints/${newId()}`, { client: 'nobody', url: URL }, as);
  const refused = await api.ask('PUT', `/endpoints/${newId()}`, noCustomer, as);
  expect(refused).toMatchObject({ status: 404, body: { detail: unknown.body.detail } });
  const missing = `/endpoints/${newId()}`;
  const calls = [
    ['GET', '', undefined],
    ['DELETE', '', undefined],
    ['POST', '/rotate-secret', {}],
    ['POST', '/test', undefined],
    ['POST', '/recover', { since: '2026-01-01T00:00:00Z' }],
  ] as const;
  for (const [method, rest, body] of calls) {
    const answer = await api.ask(method, `${path}${rest}`, body, as);
    const { status, body: problem } = await api.ask(method, `${missing}${rest}`, body, as);
    expect(answer.status).toBe(404);
    expect({ status, detail: problem.detail }).toEqual({ status: 404, detail: answer.body.detail });
  }
  // Neither do they learn that another tenant has the id.
  const taken = await api.ask('PUT', path, { client: own.client, url: URL }, as);
  expect(taken).toMatchObject({ status: 404, body: { code: 'PULSE_API_NOT_FOUND' } });
  expect((await api.ask('GET', path)).body.version).toBe(1);
  const listed = await api.ask('GET', '/endpoints', undefined, as);
  expect(listed.body.data).toMatchObject([{ id: own.id }]);
  const changed = await api.ask(
    'PUT',
    `/endpoints/${own.id}`,
    { client: own.client, url: URL },
    as,
  );
  expect(changed.status).toBe(200);
});
