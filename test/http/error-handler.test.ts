import { afterEach, expect, test, vi } from 'vitest';
import { TransientError, UndeliverableError } from '../../src/core/errors.ts';
import type { Api } from '../../src/http/api-module.ts';
import { PROBLEM_ADVICE } from '../../src/http/problems.ts';
import { authorization, createTestApp, fakePopulateRuns } from '../api/api-fixture.ts';

let app: Api | undefined;
afterEach(async () => {
  await app?.close();
  app = undefined;
});

async function open(...args: Parameters<typeof createTestApp>) {
  const created = await createTestApp(...args);
  app = created.app;
  return created;
}

const json = { 'content-type': 'application/json' };

test('404 for a path without a route, with or without a token', async () => {
  const { app } = await open();
  for (const headers of [{}, authorization()]) {
    const res = await app.inject({ url: '/api/v1/nothing?secret=1', headers });
    expect(res.statusCode).toBe(404);
    expect(res.headers['content-type']).toBe('application/problem+json; charset=utf-8');
    expect(res.json()).toEqual({
      type: '/api/v1/problems/route-not-found',
      title: 'There is no such route.',
      status: 404,
      detail: PROBLEM_ADVICE[404].advice,
      instance: '/api/v1/nothing',
      code: 'PULSE_API_ROUTE_NOT_FOUND',
      request_id: res.headers['x-request-id'],
    });
  }
});

test('a path of thousands of parts is not split into all of them', async () => {
  const { app } = await open();
  const split = vi.spyOn(String.prototype, 'split');
  const parts: number[] = [];
  try {
    const res = await app.inject({ url: '/a'.repeat(7_000) });
    expect(res.statusCode).toBe(404);
    for (const { value } of split.mock.results) parts.push((value as string[]).length);
  } finally {
    split.mockRestore();
  }
  expect(Math.max(...parts)).toBeGreaterThan(1);
  expect(Math.max(...parts)).toBeLessThan(100);
});

test('503 says which address RabbitMQ takes nothing for, and nothing of what else is unavailable', async () => {
  const missing = 'RabbitMQ has no exchange "SUBSCRIPTIONS".';
  for (const [error, detail] of [
    [new UndeliverableError('PULSE_PUBLISH_NO_EXCHANGE', missing), missing],
    [new TransientError('PULSE_RABBIT_UNREACHABLE', 'At 10.0.0.7.'), PROBLEM_ADVICE[503].advice],
  ] as const) {
    const { app } = await open();
    app.get('/fails', { config: { public: true } }, () => Promise.reject(error));
    const res = await app.inject({ url: '/fails' });
    expect(res.json()).toMatchObject({ status: 503, code: 'PULSE_API_UNAVAILABLE', detail });
    await app.close();
  }
});

test('405 with Allow for a path that has other methods', async () => {
  const { app } = await open();
  const res = await app.inject({ method: 'DELETE', url: '/api/v1/pulses/7' });
  expect(res.statusCode).toBe(405);
  expect(res.headers.allow).toBe('GET, HEAD');
  expect((await app.inject({ url: '/api/v1/login' })).headers.allow).toBe('POST');
});

test.each(['QUERY', 'PROPFIND', 'TRACE'] as const)(
  '405 for %s, with and without a body',
  async (method) => {
    const { app } = await open();
    for (const request of [{}, { payload: '{}', headers: json }, { payload: 'x' }]) {
      const res = await app.inject({ method: method as never, url: '/api/v1/pulses', ...request });
      expect(res.statusCode).toBe(405);
      expect(res.json()).toMatchObject({ code: 'PULSE_API_METHOD_NOT_ALLOWED' });
      expect(res.headers.allow).toBe('GET, HEAD, POST');
    }
    expect((await app.inject({ method: method as never, url: '/nowhere' })).statusCode).toBe(404);
  },
);

test.each(['/login', '/events'])('415 for POST %s in another charset', async (path) => {
  const { app } = await open();
  const post = (type: string, payload = '{"id":"a"}') =>
    app.inject({
      method: 'POST',
      url: `/api/v1${path}`,
      headers: { ...authorization(), 'content-type': type },
      payload,
    });
  const types = ['application/json', ...(path === '/login' ? [] : ['application/x-ndjson'])];
  for (const type of types) {
    for (const charset of ['utf-16', '"ISO-8859-1"', 'UTF-8;charset=utf-16', 'x'.repeat(100)]) {
      const res = await post(`${type} ; Charset=${charset}`);
      expect([charset, res.statusCode]).toEqual([charset, 415]);
      expect(res.json()).toMatchObject({ code: 'PULSE_API_MEDIA_TYPE' });
      expect(res.json<{ detail: string }>().detail).toMatch(
        /read as UTF-8, not as (utf-16|ISO-8859-1|x{40})\./,
      );
    }
    const plain = await post(type);
    for (const charset of ['utf-8', '"UTF-8"', 'us-ascii', 'utf8']) {
      expect((await post(`${type};charset=${charset}`)).statusCode).toBe(plain.statusCode);
    }
    expect(plain.statusCode).not.toBe(415);
  }
});

test('413 for a body beyond the limit, which the answer names', async () => {
  const { app } = await open();
  const res = await app.inject({
    method: 'PUT',
    url: '/api/v1/me/password',
    headers: { ...json, ...authorization() },
    payload: JSON.stringify({ current_password: 'a', new_password: 'x'.repeat(70_000) }),
  });
  expect(res.statusCode).toBe(413);
  expect(res.json()).toMatchObject({
    code: 'PULSE_API_BODY_TOO_LARGE',
    detail: 'The body may have at most 65536 bytes.',
  });
});

test('413 for a body beyond the limit of its own route', async () => {
  const { app } = await open();
  const res = await app.inject({
    method: 'PUT',
    url: '/api/v1/event-types/invoice.paid',
    headers: { ...json, ...authorization() },
    payload: JSON.stringify({ schema: { description: 'x'.repeat(300_000) } }),
  });
  expect(res.statusCode).toBe(413);
  expect(res.json()).toMatchObject({ detail: 'The body may have at most 262144 bytes.' });
});

test.each(['text/plain', 'application/xml', 'application/x-www-form-urlencoded'])(
  '415 for %s',
  async (type) => {
    const { app } = await open();
    const res = await app.inject({
      method: 'POST',
      url: '/api/v1/login',
      headers: { 'content-type': type },
      payload: 'username=a&password=b',
    });
    expect(res.statusCode).toBe(415);
    expect(res.json()).toMatchObject({ code: 'PULSE_API_MEDIA_TYPE' });
  },
);

test('400 for a path or a query string with broken escapes', async () => {
  const { app } = await open();
  for (const url of ['/api/v1/pulses/%ff', '/api/v1/pulses?tenant=%ff', '/api/v1/pulses?a=%']) {
    const res = await app.inject({ url, headers: authorization() });
    expect(res.statusCode, url).toBe(400);
    expect(res.json()).toMatchObject({ code: 'PULSE_API_MALFORMED_URL' });
    expect(res.headers['x-request-id']).toBeDefined();
  }
});

test.each(['%00', '..%2f..%2fpackage.json'])(
  '404 for a path that leaves the static files: %s',
  async (path) => {
    const { app } = await open();
    const res = await app.inject({ url: `/docs/static/${path}` });
    expect(res.statusCode).toBe(404);
    expect(res.json()).toMatchObject({ code: 'PULSE_API_ROUTE_NOT_FOUND' });
  },
);

test('a byte order mark before JSON is ignored', async () => {
  const { app } = await open();
  const payload = `\ufeff${JSON.stringify({ username: 'a' })}`;
  const res = await app.inject({ method: 'POST', url: '/api/v1/login', headers: json, payload });
  expect(res.json()).toMatchObject({ errors: [{ field: 'password', message: 'is required' }] });
});

test('414 for a path parameter that is too long', async () => {
  const { app } = await open();
  const res = await app.inject({
    url: `/api/v1/pulses/${'1'.repeat(600)}`,
    headers: authorization(),
  });
  expect(res.statusCode).toBe(414);
});

test('503 with Retry-After while Postgres is unavailable, without saying so', async () => {
  const { app, lines } = await open();
  for (const url of ['/api/v1/pulses', '/api/v1/pulses/7']) {
    const res = await app.inject({ url, headers: authorization() });
    expect(res.statusCode).toBe(503);
    expect(res.headers['retry-after']).toBe('5');
    expect(res.json()).toMatchObject({ code: 'PULSE_API_UNAVAILABLE' });
    expect(res.body).not.toMatch(/ECONNREFUSED|127\.0\.0\.1|postgres/i);
  }
  expect(JSON.stringify(lines)).toContain('ECONNREFUSED');
  expect(JSON.stringify(lines)).not.toContain('hidden');
  const login = await app.inject({
    method: 'POST',
    url: '/api/v1/login',
    payload: { username: 'a', password: 'b' },
  });
  expect(login.statusCode).toBe(503);
});

test.each([
  ['/orders', { customer_id: 'c', items: [{ sku: 's', qty: 1 }] }],
  ['/events', { id: 'e', producer: 'p', type: 't', client: 'c', data: {} }],
])('the advice of a 503 to POST %s is about no other route', async (path, payload) => {
  const { app } = await open();
  const url = `/api/v1${path}`;
  const res = await app.inject({ method: 'POST', url, headers: authorization(), payload });
  expect(res.statusCode).toBe(503);
  expect(res.json()).toMatchObject({ detail: PROBLEM_ADVICE[503].advice });
  expect(res.body).not.toMatch(/pulse(?!-|_)|outcomes/);
});

test('500 shows nothing of the failure and logs everything', async () => {
  const populateRuns = fakePopulateRuns();
  populateRuns.start = () => Promise.reject(new Error('SELECT secret FROM table'));
  const { app, lines } = await open({ populateRuns });
  const res = await app.inject({
    method: 'POST',
    url: '/api/v1/pulses/populate',
    headers: authorization(),
    payload: { total_messages: 1, workers_number: 1, buffer_size: 1 },
  });
  expect(res.statusCode).toBe(500);
  expect(res.json()).toMatchObject({ code: 'PULSE_API_INTERNAL' });
  expect(res.body).not.toMatch(/secret|SELECT|Error|\.ts/);
  const line = lines.find(({ msg }) => msg === 'request failed');
  expect(line).toMatchObject({
    requestId: res.headers['x-request-id'],
    err: { message: 'SELECT secret FROM table' },
  });
});

test('what anybody can have fail without a token does not flood the log', async () => {
  const { lines } = await open();
  const payload = { username: 'a', password: 'x' };
  for (let index = 0; index < 70; index++) {
    const res = await app!.inject({ method: 'POST', url: '/api/v1/login', payload });
    expect(res.statusCode).toBe(503);
  }
  const failures = () => lines.filter(({ msg }) => msg === 'request failed');
  expect(failures()).toHaveLength(60);
  await app!.inject({ url: '/api/v1/pulses', headers: authorization() });
  expect(failures()).toHaveLength(61);
});
