import type { IncomingMessage } from 'node:http';
import { afterEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, forgeToken } from '../api/api-fixture.ts';

let app: Api;
afterEach(() => app.close());

const open = async (requestsPerMinute?: number) => {
  const opened = await createTestApp({}, { requestsPerMinute, trustProxy: ['127.0.0.1'] });
  ({ app } = opened);
  return opened;
};
const as = (sub: string) => authorization(forgeToken({ claims: { sub } }));
const NOWHERE = '/api/v1/pulses/populate/b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b';

test('every answer tells how many requests are left, and one too many is a 429 with Retry-After', async () => {
  await open(2);
  const get = () => app.inject({ url: NOWHERE, headers: as('alice') });
  const first = await get();
  expect(first.statusCode).toBe(404);
  expect(first.headers['ratelimit-policy']).toBe('"caller";q=2;w=60');
  expect(first.headers.ratelimit).toMatch(/^"caller";r=1;t=(60|59)$/);
  expect((await get()).headers.ratelimit).toMatch(/^"caller";r=0;t=/);
  const refused = await get();
  expect(refused.statusCode).toBe(429);
  expect(refused.json()).toMatchObject({ code: 'PULSE_API_TOO_MANY_REQUESTS' });
  expect(refused.headers.ratelimit).toMatch(/^"caller";r=0;t=/);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(50);
  expect(refused.headers['x-request-id']).toBeDefined();
});

test('callers are counted by name, whatever their address', async () => {
  await open(1);
  const get = async (headers: Record<string, string>) =>
    (await app.inject({ url: NOWHERE, headers })).statusCode;
  expect(await get({ ...as('alice'), 'x-forwarded-for': '192.0.2.1' })).toBe(404);
  expect(await get({ ...as('alice'), 'x-forwarded-for': '192.0.2.2' })).toBe(429);
  expect(await get({ ...as('bob'), 'x-forwarded-for': '192.0.2.1' })).toBe(404);
});

test('public routes are counted by address', async () => {
  await open(1);
  const get = async (address: string) =>
    app.inject({ url: '/api/v1/problems', headers: { 'x-forwarded-for': address } });
  expect((await get('192.0.2.1')).headers['ratelimit-policy']).toBe('"address";q=1;w=60');
  expect((await get('192.0.2.1')).statusCode).toBe(429);
  expect((await get('192.0.2.2')).statusCode).toBe(200);
  expect((await get('2001:db8::1')).statusCode).toBe(200);
  expect((await get('2001:db8::2')).statusCode).toBe(429);
});

test('health checks and requests with a refused token are not counted', async () => {
  await open(1);
  for (let count = 0; count < 3; count++) {
    expect((await app.inject({ url: '/health/live' })).statusCode).toBe(200);
    expect((await app.inject({ url: NOWHERE })).statusCode).toBe(401);
  }
  expect((await app.inject({ url: NOWHERE, headers: as('alice') })).statusCode).toBe(404);
});

test('without a limit nothing is counted', async () => {
  await open();
  const res = await app.inject({ url: NOWHERE, headers: as('alice') });
  expect(res.headers.ratelimit).toBeUndefined();
});

test('a flood of requests beyond the limit does not flood the log', async () => {
  const { lines } = await open(1);
  for (let count = 0; count < 100; count++) await app.inject({ url: '/api/v1/problems' });
  expect(lines.filter(({ msg }) => msg === 'requests exceeded')).toHaveLength(60);
});

test('a request whose connection has been reset is no failure of Pulse', async () => {
  const { lines } = await open(1);
  app.server.prependListener('request', ({ socket }: IncomingMessage) => {
    // The system no longer knows who was connected.
    Object.defineProperty(socket, 'remoteAddress', { value: undefined });
  });
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/api/v1/problems`;
  const headers = { connection: 'close' };
  const statuses = [(await fetch(url, { headers })).status, (await fetch(url, { headers })).status];
  expect(statuses).toEqual([200, 429]);
  expect(lines.filter(({ level }) => level === 50)).toEqual([]);
});
