import { afterEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import type { RequestDone } from '../../src/http/request-hooks.ts';
import { authorization, createTestApp } from '../api/api-fixture.ts';

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

test('a request keeps its id if that is safe in logs, and otherwise gets a new one', async () => {
  const { app } = await open();
  const idFor = async (given: string) => {
    const res = await app.inject({ url: '/health/live', headers: { 'x-request-id': given } });
    return res.headers['x-request-id'];
  };
  expect(await idFor('trace-1:a.b')).toBe('trace-1:a.b');
  expect(await idFor('a b')).toMatch(/^[0-9a-f-]{36}$/);
  expect(await idFor('x'.repeat(65))).toMatch(/^[0-9a-f-]{36}$/);
});

test('answers carry the headers of helmet and are not cached', async () => {
  const { app } = await open();
  const { headers } = await app.inject({ url: '/health/live' });
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'",
    'cache-control': 'no-store',
  });
  expect(headers['access-control-allow-origin']).toBeUndefined();
});

test('every answered request is measured by its pattern, not its path', async () => {
  const done: RequestDone[] = [];
  const { app } = await open({ onRequestDone: (one) => done.push(one) });
  await app.inject({ url: '/api/v1/pulses/7', headers: authorization() });
  await app.inject({ url: '/api/v1/pulses/8' });
  await app.inject({ method: 'PUT', url: '/nowhere/at/all' });
  expect(done.map(({ method, route, status }) => [method, route, status])).toEqual([
    ['GET', '/api/v1/pulses/:id', 503],
    ['GET', '/api/v1/pulses/:id', 401],
    ['PUT', 'unmatched', 404],
  ]);
  expect(done.every(({ seconds }) => seconds > 0 && seconds < 10)).toBe(true);
});

test('requests that fail without a known caller write few lines, and all are counted', async () => {
  const { app, lines } = await open();
  const answered = () => lines.filter(({ msg }) => msg === 'request answered').length;
  for (let index = 0; index < 200; index++) await app.inject({ url: '/api/v1/pulses' });
  const few = answered();
  expect(few).toBeLessThan(100);
  await app.inject({ url: '/api/v1/pulses', headers: authorization() });
  expect(answered()).toBe(few + 1);
  await app.close();
  const leftOut = lines.filter(({ msg }) => String(msg).includes('of unknown callers'));
  expect(leftOut.map(({ count }) => count)).toEqual([200 - few]);
});

test.each(['nonsense', '100-continue, nonsense'])('417 for Expect: %s', async (expectation) => {
  const { app } = await open();
  const res = await app.inject({ url: '/health/live', headers: { expect: expectation } });
  expect(res.statusCode).toBe(417);
  expect(res.json()).toMatchObject({ code: 'PULSE_API_EXPECTATION' });
});

test('an address counts without the port that a proxy added', async () => {
  const { app } = await createTestApp({}, { requestsPerMinute: 1, trustProxy: ['127.0.0.1'] });
  const statusFor = async (address: string) => {
    const headers = { 'x-forwarded-for': address };
    return (await app.inject({ url: '/api/v1/problems', headers })).statusCode;
  };
  expect(await statusFor('192.0.2.1:1001')).toBe(200);
  expect(await statusFor('192.0.2.1:1002')).toBe(429);
  expect(await statusFor('192.0.2.1')).toBe(429);
  expect(await statusFor('[2001:db8::1]:1001')).toBe(200);
  expect(await statusFor('198.51.100.7, [2001:db8::1]:1002')).toBe(429);
  expect(await statusFor('2001:db8::1')).toBe(429);
  await app.close();
});
