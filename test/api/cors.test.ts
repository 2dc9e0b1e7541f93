import { afterEach, describe, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp } from './api-fixture.ts';

const PAGE = 'https://app.example.com';
const URL = '/api/v1/dead-letters';

let app: Api;
afterEach(() => app.close());

const preflight = (origin: string) =>
  app.inject({
    method: 'OPTIONS',
    url: URL,
    headers: {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    },
  });

describe('by default', () => {
  test('no page of another origin may call the API', async () => {
    ({ app } = await createTestApp());
    const res = await preflight(PAGE);
    expect(res.statusCode).toBe(405);
    expect(res.headers).not.toHaveProperty('access-control-allow-origin');
    const get = await app.inject({ url: '/health/live', headers: { origin: PAGE } });
    expect(get.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('an origin that is configured', () => {
  const open = async () => ({ app } = await createTestApp({}, { corsOrigins: [PAGE] }));

  test('may call, and read the headers', async () => {
    await open();
    const asked = await preflight(PAGE);
    expect(asked.statusCode).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-headers': 'authorization',
      'access-control-max-age': '600',
    });
    expect(asked.headers).not.toHaveProperty('access-control-allow-credentials');
    const res = await app.inject({ url: '/health/live', headers: { origin: PAGE } });
    expect(res.headers['access-control-allow-origin']).toBe(PAGE);
    const exposed = String(res.headers['access-control-expose-headers']).split(', ');
    for (const name of ['ratelimit', 'link', 'idempotent-replayed', 'pulse-final-through']) {
      expect(exposed).toContain(name);
    }
  });

  test('may read refusals too', async () => {
    await open();
    const res = await app.inject({ url: URL, headers: { origin: PAGE } });
    expect(res.statusCode).toBe(401);
    expect(res.headers['access-control-allow-origin']).toBe(PAGE);
  });

  test.each(['https://app.example.com.evil.net', 'http://app.example.com', 'null'])(
    'does not allow %s either',
    async (origin) => {
      await open();
      const answers = [
        await preflight(origin),
        await app.inject({ url: URL, headers: { origin } }),
      ];
      for (const res of answers) {
        expect(res.headers).not.toHaveProperty('access-control-allow-origin');
      }
    },
  );

  test('needs a token like every caller', async () => {
    await open();
    const res = await app.inject({ method: 'OPTIONS', url: URL, headers: authorization() });
    expect(res.statusCode).toBe(204);
    expect(res.body).toBe('');
    expect((await app.inject({ url: URL, headers: { origin: PAGE } })).statusCode).toBe(401);
  });
});
