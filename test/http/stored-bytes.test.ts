import { fastify } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { addBodyBudget } from '../../src/http/body-budget.ts';
import { addAnswerDeadline } from '../../src/http/answer-deadline.ts';
import type { Api } from '../../src/http/api-module.ts';
import { createErrorHandler } from '../../src/http/error-handler.ts';
import { addStoredBytes } from '../../src/http/stored-bytes.ts';
import { createTestApp, authorization, fakeIdentities, forgeToken } from '../api/api-fixture.ts';

const KIB = 1024;
/** 10 minutes before an hour ends. */
const AT_MS = Date.parse('2026-11-30T19:50:00Z');

let close = (): Promise<void> => Promise.resolve();
afterEach(() => close());

/** An API without routes of a domain, whose callers are those that a request names. */
function openApp(bytesPerHour: number) {
  let nowMs = AT_MS;
  const app = fastify({ bodyLimit: KIB * KIB }) as unknown as Api;
  close = () => app.close();
  app.setErrorHandler(createErrorHandler({ error: () => undefined, warn: () => undefined }));
  app.decorateRequest('user', null as never);
  app.addHook('onRequest', (request, _reply, done) => {
    const name = request.headers['x-caller'] as string | undefined;
    if (name !== undefined) {
      const tenants = name.startsWith('all') ? 'all' : name.split(' ').slice(1);
      request.user = { kind: 'key', name, role: 'operator', tenants };
    }
    done();
  });
  addAnswerDeadline(app, { answerWithinMs: 60_000 });
  addBodyBudget(app, { callerBytesMax: KIB * KIB, bytesMax: KIB * KIB });
  addStoredBytes(app, { bytesPerHour, now: () => nowMs });
  app.route({
    method: ['GET', 'PUT'],
    url: '/',
    handler: () => ({}),
  });
  app.put('/many/:count', (request) => {
    request.addStored(Number((request.params as { count: string }).count));
    return {};
  });
  app.post('/unstored', { config: { unstored: true } }, () => ({}));
  const send = (
    caller: string | undefined,
    {
      method = 'PUT',
      url = '/',
      bytes = 2,
    }: { method?: 'GET' | 'PUT' | 'POST'; url?: string; bytes?: number } = {},
  ) =>
    app.inject({
      method,
      url,
      headers: {
        ...(caller === undefined ? {} : { 'x-caller': caller }),
        ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
      },
      ...(method === 'GET' ? {} : { payload: JSON.stringify('x'.repeat(bytes - 2)) }),
    });
  return {
    send,
    statusOf: async (...args: Parameters<typeof send>) => (await send(...args)).statusCode,
    pass: (ms: number) => (nowMs += ms),
  };
}

test('beyond its limit a tenant changes nothing more in this hour, and is told until when', async () => {
  const { send, statusOf, pass } = openApp(100 * KIB);
  expect(await statusOf('a acme', { bytes: 96 * KIB })).toBe(200);
  const refused = await send('another acme');
  expect(refused.statusCode).toBe(429);
  expect(refused.headers['retry-after']).toBe('600');
  expect(refused.json()).toMatchObject({
    code: 'PULSE_API_TOO_MANY_REQUESTS',
    detail: expect.stringContaining('accepted again from 2026-11-30T20:00:00.000Z') as unknown,
  });
  pass(599_999);
  expect(await statusOf('a acme')).toBe(429);
  pass(1);
  expect(await statusOf('a acme')).toBe(200);
});

test('small requests count too', async () => {
  const { statusOf } = openApp(10 * 4 * KIB);
  for (let count = 0; count < 10; count++) expect(await statusOf('a acme')).toBe(200);
  expect(await statusOf('a acme')).toBe(429);
});

test('a tenant that has reached its limit takes nothing from others, and may still read', async () => {
  const { statusOf } = openApp(4 * KIB);
  expect(await statusOf('a acme')).toBe(200);
  expect(await statusOf('a acme')).toBe(429);
  expect(await statusOf('a beta')).toBe(200);
  expect(await statusOf('all operator')).toBe(200);
  expect(await statusOf('a acme', { method: 'GET' })).toBe(200);
  expect(await statusOf('a acme', { method: 'POST', url: '/unstored' })).toBe(200);
});

test('each caller of all tenants has a limit of its own, ten times as large', async () => {
  const { statusOf } = openApp(4 * KIB);
  for (let count = 0; count < 10; count++) expect(await statusOf('all one')).toBe(200);
  expect(await statusOf('all one')).toBe(429);
  expect(await statusOf('all two')).toBe(200);
});

test('what follows from a request counts as more of them', async () => {
  const { statusOf } = openApp(12 * 4 * KIB);
  expect(await statusOf('a acme', { url: '/many/10' })).toBe(200);
  expect(await statusOf('a acme')).toBe(200);
  expect(await statusOf('a acme')).toBe(429);
  expect(await statusOf('a beta', { url: '/many/0' })).toBe(200);
  expect(await statusOf('a beta')).toBe(200);
});

test('requests of unknown callers do not count', async () => {
  const { statusOf } = openApp(1);
  expect(await statusOf(undefined)).toBe(200);
  expect(await statusOf(undefined)).toBe(200);
});

test('in the API it holds for what is stored, and neither for pulses nor for passwords', async () => {
  const identities = fakeIdentities({ alice: { role: 'operator', tenants: ['acme'] } });
  const { app } = await createTestApp({ identities }, { storedBytesPerHour: 1 });
  close = () => app.close();
  const send = async (method: 'POST' | 'PUT', url: string, payload: object) =>
    (
      await app.inject({
        ...{ method, url: `/api/v1${url}`, payload },
        headers: authorization(forgeToken()),
      })
    ).statusCode;
  const order = { customer_id: 'c', items: [{ sku: 'cpu', qty: 1 }] };
  expect(await send('POST', '/orders', order)).toBe(503);
  expect(await send('POST', '/orders', order)).toBe(429);
  expect(await send('POST', '/pulses', { id: '1' })).toBe(503);
  const passwords = { current_password: 'correct horse', new_password: 'battery staple' };
  expect(await send('PUT', '/me/password', passwords)).toBe(503);
});
