/** What is sent to endpoints over HTTP: tests, recoveries, deliveries, sending again. */
import { afterEach, expect, test } from 'vitest';
import { createTestEndpoint, useDeliveryApi, type NewEndpoint } from './delivery-api.ts';
import type { Receiver } from './receiver.ts';

const api = useDeliveryApi();
afterEach(() => api.stop());

const PAST = '2026-01-01T00:00:00Z';
const POLL = { timeout: 10_000 };

interface Row {
  readonly id: string;
  readonly [name: string]: unknown;
}

const createEndpoint = (receiver: Receiver, more?: NewEndpoint) =>
  createTestEndpoint(api, receiver, more);
const listOf = async (query: string, as = 'alice') => {
  const { status, body } = await api.ask('GET', `/deliveries?${query}`, undefined, { as });
  expect(status).toBe(200);
  return body as { data: Row[]; next: string | null };
};
const failing = (response: { writeHead(status: number): { end(text: string): unknown } }) =>
  response.writeHead(500).end('<b>broken</b>\u0007');

test('a test event is signed as real ones are, is not stored, and the answer says what came of it', async () => {
  let status = 204;
  const receiver = await api.startReceiver((response) =>
    response.writeHead(status).end(status === 204 ? undefined : 'no\u0007'),
  );
  const { id, path, client, secret } = await createEndpoint(receiver);
  const first = await api.ask('POST', `${path}/test`);
  expect(first).toMatchObject({
    status: 200,
    body: { outcome: 'delivered', status_code: 204, error: null, response: '' },
  });
  const [got] = receiver.received;
  expect(got).toMatchObject({ id: first.body.webhook_id, verifiedBy: [secret] });
  expect(JSON.parse(got!.body)).toMatchObject({
    ...{ type: 'endpoint.test', client, number: 0, producer: 'pulse', data: { endpoint_id: id } },
  });
  // With two secrets it has two signatures; a disabled endpoint can be tested, too.
  const { body } = await api.ask('POST', `${path}/rotate-secret`, {});
  receiver.secrets.push(String(body.secret));
  status = 410;
  await api.ask('PUT', path, { client, url: receiver.url, status: 'disabled' });
  expect((await api.ask('POST', `${path}/test`)).body).toMatchObject({
    ...{ outcome: 'failed', status_code: 410, response: 'no\\u{7}' },
  });
  expect(receiver.received[1]!.verifiedBy).toHaveLength(2);
  expect((await listOf(`endpoint=${id}`)).data).toEqual([]);
  const { rows } = await api.pool.query('SELECT FROM messages WHERE client = $1', [client]);
  expect(rows).toEqual([]);
  expect((await api.ask('GET', path)).body).toMatchObject({
    ...{ status: 'disabled', disabled_reason: 'requested', last_attempt_at: null },
  });
});

test('a tenant has two tests in progress at most', async () => {
  const held: (() => void)[] = [];
  const receiver = await api.startReceiver((response) => {
    held.push(() => response.writeHead(204).end());
  });
  const { path, client } = await createEndpoint(receiver);
  const as = { as: client };
  const two = [1, 2].map(() => api.ask('POST', `${path}/test`, undefined, as));
  await expect.poll(() => held.length, POLL).toBe(2);
  const third = await api.ask('POST', `${path}/test`, undefined, as);
  expect(third.status).toBe(429);
  for (const answer of held) answer();
  for (const { body } of await Promise.all(two)) expect(body.outcome).toBe('delivered');
});

test('a recovery sends what a dry run has counted: what failed, and what was stored while it was disabled', async () => {
  const receiver = await api.startReceiver(failing);
  const { id, path, client } = await createEndpoint(receiver, { types: ['thing.made'] });
  await api.store(client, [{ n: 1 }, { n: 2 }]);
  api.startSender();
  await expect
    .poll(() => api.deliveries(id), POLL)
    .toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
  await api.stop();
  await api.pool.query(
    `UPDATE deliveries SET status = 'failed', due_at = NULL WHERE endpoint_id = $1`,
    [id],
  );
  const put = { client, url: receiver.url, types: ['thing.made'] };
  await api.ask('PUT', path, { ...put, status: 'disabled' });
  await api.store(client, [{ n: 3 }, { n: 4 }, { n: 5 }]);
  await api.store(client, [{ n: 6 }], 'thing.sold');
  const refused = await api.ask('POST', `${path}/recover`, { since: PAST });
  expect(refused).toMatchObject({ status: 409, body: { code: 'PULSE_API_ENDPOINT_DISABLED' } });
  await api.ask('PUT', path, { ...put, status: 'enabled' });
  const counts = { failed_count: 2, missed_count: 3, next: null };
  const dry = await api.ask('POST', `${path}/recover`, { since: PAST, dry_run: true });
  expect(dry).toMatchObject({ status: 200, body: counts });
  expect((await listOf(`endpoint=${id}&status=pending`)).data).toEqual([]);
  const after = new Date(Date.now() + 60_000).toISOString();
  const none = await api.ask('POST', `${path}/recover`, { since: after, dry_run: true });
  expect(none.body).toEqual({ failed_count: 0, missed_count: 0, next: null });
  const real = await api.ask('POST', `${path}/recover`, { since: PAST });
  expect(real.body).toEqual(dry.body);
  expect((await listOf(`endpoint=${id}&status=pending`)).data).toHaveLength(5);
  const again = await createReceiverOf(path, put);
  api.startSender();
  await expect.poll(() => again.received.length, POLL).toBe(5);
  expect((await api.ask('POST', `${path}/recover`, { since: PAST })).body).toEqual(none.body);
});

test('a recovery in steps misses no message whose number is higher than that of one stored later', async () => {
  const receiver = await api.startReceiver();
  const { id, path, client } = await createEndpoint(receiver);
  await api.pool.query(
    `INSERT INTO messages (producer, id, type, type_version, client, number, data, occurred_at, stored_at)
     SELECT 'shop', $1 || n, 'thing.made', 1, $1, n, '{}', now(),
       date_trunc('milliseconds', now()) + interval '1 millisecond' * CASE WHEN n IN (60, 10050) THEN n - 80 ELSE n END
     FROM generate_series(1, 10060) AS n`,
    [client],
  );
  await api.pool.query('INSERT INTO message_numbers VALUES ($1, 10060)', [client]);
  await api.pool.query('UPDATE endpoint_states SET seen_number = 10060 WHERE endpoint_id = $1', [
    id,
  ]);
  const first = await api.ask('POST', `${path}/recover`, { since: PAST });
  expect(first.body).toMatchObject({ missed_count: 10_000, next: expect.any(String) as string });
  const second = await api.ask('POST', `${path}/recover`, { since: first.body.next });
  expect(second.body).toMatchObject({ missed_count: 60, next: null });
});

/** The receivers of a test are closed with its sender. */
async function createReceiverOf(path: string, put: object): Promise<Receiver> {
  const receiver = await api.startReceiver();
  expect((await api.ask('PUT', path, { ...put, url: receiver.url })).status).toBe(200);
  return receiver;
}

test('deliveries and their attempts are listed, newest first, in pages', async () => {
  const receiver = await api.startReceiver(failing);
  const { id, client } = await createEndpoint(receiver);
  const other = await createEndpoint(receiver, { client, types: ['thing.sold'] });
  await api.store(client, [{ n: 1 }, { n: 2 }]);
  api.startSender();
  await expect
    .poll(() => api.deliveries(id), POLL)
    .toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
  await api.hurry(id);
  await expect
    .poll(() => api.deliveries(id), POLL)
    .toMatchObject([{ attempts: 2 }, { attempts: 2 }]);
  const { data } = await listOf(`client=${client}`);
  expect(data).toHaveLength(2);
  expect(data[0]).toMatchObject({
    ...{ endpoint: id, client, producer: 'shop', type: 'thing.made', status: 'pending' },
    ...{ attempt_count: 2, last_status_code: 500, last_error: null },
    webhook_id: receiver.received.find(({ body }) => body.includes(String(data[0]!.message_id)))!
      .id,
  });
  const first = await listOf(`client=${client}&limit=1`);
  expect(first.data).toEqual([data[0]]);
  expect(await listOf(`client=${client}&limit=1&after=${first.next}`)).toEqual({
    ...{ data: [data[1]], next: null },
  });
  expect((await listOf(`endpoint=${other.id}`)).data).toEqual([]);
  expect((await listOf(`endpoint=${id}&status=delivered`)).data).toEqual([]);
  const now = new Date(Date.now() + 1_000).toISOString();
  expect((await listOf(`endpoint=${id}&from=${PAST}&to=${now}`)).data).toHaveLength(2);
  expect((await listOf(`endpoint=${id}&to=${PAST}`)).data).toEqual([]);
  const path = `/deliveries/${data[0]!.id}`;
  const shown = await api.ask('GET', path);
  expect(shown).toMatchObject({ status: 200, body: data[0] });
  expect(shown.headers.etag).toBeDefined();
  const attempts = await api.ask('GET', `${path}/attempts?limit=1`);
  expect(attempts.body).toMatchObject({
    data: [{ number: 2, outcome: 'failed', status_code: 500, response: '<b>broken</b>\\u{7}' }],
    next: 2,
  });
  const older = await api.ask('GET', `${path}/attempts?after=2`);
  expect(older.body).toMatchObject({ data: [{ number: 1 }], next: null });
  for (const query of ['after=x', 'status=lost', `from=${now}&to=${PAST}`, 'limit=0']) {
    expect((await api.ask('GET', `/deliveries?${query}`)).status).toBe(400);
  }
});

test('a delivery is sent again, to its endpoint or to another one of the same client', async () => {
  const [receiver, spare] = [await api.startReceiver(), await api.startReceiver()];
  const { id, client } = await createEndpoint(receiver);
  const other = await createEndpoint(spare, { client, types: ['thing.sold'] });
  const stranger = await createEndpoint(spare);
  await api.store(client, [{ n: 1 }]);
  api.startSender();
  await expect.poll(() => receiver.received.length, POLL).toBe(1);
  const [delivery] = (await listOf(`endpoint=${id}`)).data;
  const path = `/deliveries/${delivery!.id}`;
  const again = await api.ask('POST', `${path}/resend`, {});
  expect(again).toMatchObject({ status: 202, body: { id: delivery!.id, status: 'pending' } });
  expect(again.headers.location).toBe(`/api/v1${path}`);
  await expect.poll(() => receiver.received.length, POLL).toBe(2);
  expect(receiver.received[1]!.id).toBe(receiver.received[0]!.id);

  const replays = await Promise.all(
    [1, 2, 3].map(() => api.ask('POST', `${path}/resend`, { endpoint: other.id })),
  );
  expect(new Set(replays.map(({ body }) => body.id)).size).toBe(1);
  expect(replays[0]).toMatchObject({ status: 202, body: { endpoint: other.id, number: 1 } });
  await expect.poll(() => spare.received.length, POLL).toBeGreaterThan(0);
  expect(spare.received[0]).toMatchObject({
    ...{ id: receiver.received[0]!.id, verifiedBy: [other.secret] },
  });
  const foreign = await api.ask('POST', `${path}/resend`, { endpoint: stranger.id });
  const unknown = await api.ask('POST', `${path}/resend`, { endpoint: 'none' });
  expect(foreign.status).toBe(404);
  expect(foreign.body.detail).toBe(unknown.body.detail);
});

test('nothing is sent again to a disabled endpoint, or of a message that is gone', async () => {
  const receiver = await api.startReceiver();
  const { id, path, client } = await createEndpoint(receiver);
  const [messageId] = await api.store(client, [{ n: 1 }]);
  api.startSender();
  await expect.poll(() => api.deliveries(id), POLL).toMatchObject([{ status: 'delivered' }]);
  const [delivery] = (await listOf(`endpoint=${id}`)).data;
  const resend = () => api.ask('POST', `/deliveries/${delivery!.id}/resend`, {});
  await api.pool.query('DELETE FROM messages WHERE id = $1', [messageId]);
  expect(await resend()).toMatchObject({
    ...{ status: 409, body: { code: 'PULSE_API_MESSAGE_EXPIRED' } },
  });
  const disabled = { status: 409, body: { code: 'PULSE_API_ENDPOINT_DISABLED' } };
  await api.ask('PUT', path, { client, url: receiver.url, status: 'disabled' });
  expect(await resend()).toMatchObject(disabled);
  await api.ask('DELETE', path);
  expect(await resend()).toMatchObject(disabled);
});

test('a caller of some tenants sees and sends the deliveries of their clients only', async () => {
  const receiver = await api.startReceiver();
  const own = await createEndpoint(receiver);
  const foreign = await createEndpoint(receiver);
  await api.store(own.client, [{ n: 1 }]);
  await api.store(foreign.client, [{ n: 1 }]);
  api.startSender();
  await expect.poll(() => receiver.received.length, POLL).toBe(2);
  const as = own.client;
  const [mine] = (await listOf(`endpoint=${own.id}`)).data;
  const [theirs] = (await listOf(`endpoint=${foreign.id}`)).data;
  expect((await listOf('limit=100', as)).data).toMatchObject([{ id: mine!.id }]);
  expect((await listOf(`client=${foreign.client}`, as)).data).toEqual([]);
  for (const [method, rest, body] of [
    ['GET', '', undefined],
    ['GET', '/attempts', undefined],
    ['POST', '/resend', {}],
  ] as const) {
    const path = `/deliveries/${theirs!.id}${rest}`;
    expect((await api.ask(method, path, body, { as })).status).toBe(404);
  }
  const attempts = await api.ask('GET', `/deliveries/${mine!.id}/attempts`, undefined, { as });
  expect(attempts.body.data).toMatchObject([{ number: 1, outcome: 'delivered' }]);
  const replay = { endpoint: foreign.id };
  const refused = await api.ask('POST', `/deliveries/${mine!.id}/resend`, replay, { as });
  expect(refused.status).toBe(404);
  expect(receiver.received).toHaveLength(2);
});
