import type { InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, forgeToken, OPTIONS } from '../api/api-fixture.ts';

const nowSec = Math.floor(Date.now() / 1000);
const good = forgeToken();
const [goodHeader, goodPayload, goodSignature] = good.split('.') as [string, string, string];
const alien = Buffer.from(JSON.stringify({ sub: 'root' })).toString('base64url');

/** Every value of the header Authorization that must be refused. */
const REFUSED: Record<string, string | undefined> = {
  'no token': undefined,
  'empty header': '',
  'another scheme': `Basic ${Buffer.from('admin:admin').toString('base64')}`,
  'no token after the scheme': 'Bearer ',
  'two tokens': `Bearer ${good} ${good}`,
  garbage: 'Bearer not.a.token',
  'one segment': 'Bearer abc',
  'very long token': `Bearer ${'a'.repeat(8_000)}`,
  expired: `Bearer ${forgeToken({ claims: { iat: nowSec - 120, exp: nowSec - 60 } })}`,
  'older than tokens live': `Bearer ${forgeToken({ claims: { iat: nowSec - 6_000 } })}`,
  'not yet valid': `Bearer ${forgeToken({ claims: { nbf: nowSec + 60 } })}`,
  'wrong signature': `Bearer ${forgeToken({ secret: 'x'.repeat(48) })}`,
  'signature of another token': `Bearer ${goodHeader}.${alien}.${goodSignature}`,
  'no signature': `Bearer ${goodHeader}.${goodPayload}.`,
  'alg none': `Bearer ${unsigned({ alg: 'none', typ: 'JWT' })}`,
  'alg NONE': `Bearer ${unsigned({ alg: 'NONE', typ: 'JWT' })}`,
  'alg none with a signature': `Bearer ${forgeToken({ header: { alg: 'none' } })}`,
  'alg HS512': `Bearer ${forgeToken({ header: { alg: 'HS512' }, hash: 'sha512' })}`,
  'alg RS256': `Bearer ${forgeToken({ header: { alg: 'RS256' } })}`,
  'no key id': `Bearer ${forgeToken({ header: { kid: undefined } })}`,
  'key id that is no text': `Bearer ${forgeToken({ header: { kid: { a: 1 } } })}`,
  'unknown key id': `Bearer ${forgeToken({ kidOf: 'y'.repeat(48) })}`,
  'key id of the secret it was forged with': `Bearer ${forgeToken({ secret: 'y'.repeat(48), kidOf: 'y'.repeat(48) })}`,
  'another typ': `Bearer ${forgeToken({ header: { typ: 'refresh' } })}`,
  'wrong issuer': `Bearer ${forgeToken({ claims: { iss: 'someone' } })}`,
  'wrong audience': `Bearer ${forgeToken({ claims: { aud: 'someone' } })}`,
  'empty subject': `Bearer ${forgeToken({ claims: { sub: '' } })}`,
  'subject that is no text': `Bearer ${forgeToken({ claims: { sub: { a: 1 } } })}`,
  'expiry that is no number': `Bearer ${forgeToken({ claims: { exp: 'never' } })}`,
  ...Object.fromEntries(
    ['iss', 'aud', 'exp', 'sub', 'iat', 'jti', 'ver'].map((claim) => [
      `no ${claim}`,
      `Bearer ${forgeToken({ claims: { [claim]: undefined } })}`,
    ]),
  ),
};

function unsigned(header: object): string {
  return `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${goodPayload}.`;
}

let app: Api;

beforeAll(async () => {
  ({ app } = await createTestApp({}, { console: true }));
  await app.ready();
});

afterAll(() => app.close());

function concrete(url: string): string {
  return url.replace(':run_id', 'b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b').replace(/:\w+/, '1');
}

describe('every route', () => {
  test('that is public is one of these', () => {
    const open = app.routeTable.filter((route) => route.config.public && route.method !== 'HEAD');
    expect(open.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /openapi.json',
      'GET /asyncapi.json',
      'GET /docs/static/theme/favicon.svg',
      'GET /docs',
      'GET /docs/static/index.html',
      'GET /docs/static/swagger-initializer.js',
      'GET /docs/json',
      'GET /docs/yaml',
      'GET /docs/static/*',
      'GET /console',
      'GET /console/*',
      'GET /',
      'GET /health/live',
      'GET /health/ready',
      'GET /api/v1/health/live',
      'GET /api/v1/health/ready',
      'GET /api/v1/problems',
      'GET /api/v1/problems/:name',
      'POST /api/v1/login',
      // By a signed link.
      'GET /api/v1/exports/:id/download',
    ]);
  });

  test.each(Object.entries(REFUSED))('that is not public answers 401: %s', async (_name, value) => {
    const closed = app.routeTable.filter((route) => !route.config.public);
    expect(closed.length).toBeGreaterThan(5);
    for (const { method, url } of closed) {
      const res = await app.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url: concrete(url),
        headers: value === undefined ? {} : { authorization: value },
      });
      expect(res.statusCode, `${method} ${url}`).toBe(401);
      expect(res.headers['www-authenticate']).toMatch(/^Bearer realm="pulse"/);
      expect(res.headers['content-type']).toBe('application/problem+json; charset=utf-8');
      if (method !== 'HEAD') {
        expect(res.json()).toMatchObject({ status: 401, code: 'PULSE_API_UNAUTHENTICATED' });
      }
    }
  });

  test('that is not public accepts a valid token', async () => {
    for (const { method, url } of app.routeTable.filter((route) => !route.config.public)) {
      const res = await app.inject({
        method: method as NonNullable<InjectOptions['method']>,
        url: concrete(url),
        headers: authorization(),
      });
      expect(res.statusCode, `${method} ${url}`).not.toBe(401);
    }
  });

  test('has a summary, a description and schemas for its answers and errors', () => {
    for (const { method, url, schema, config } of app.routeTable) {
      // The page and the documents are the description, so they are not described themselves.
      if (schema?.hide === true) continue;
      expect(schema, `${method} ${url}`).toMatchObject({
        operationId: expect.any(String) as string,
        summary: expect.any(String) as string,
        description: expect.any(String) as string,
        response: { 500: expect.any(Object) as object },
      });
      if (!config.public) expect(schema!.response).toHaveProperty('401');
    }
  });
});

test('an expired token and an invalid one get different answers', async () => {
  const ask = async (value: string | undefined) => {
    const res = await app.inject({ url: '/api/v1/pulses', headers: { authorization: value } });
    return res.json<{ detail: string }>().detail;
  };
  expect(await ask(REFUSED.expired)).toBe('The token has expired.');
  expect(await ask(REFUSED['wrong signature'])).toBe('The token is not valid.');
});

test('a refused token is logged without the token', async () => {
  const { app: watched, lines } = await createTestApp();
  const token = forgeToken({ secret: 'y'.repeat(40) });
  await watched.inject({ url: '/api/v1/pulses', headers: authorization(token) });
  expect(lines.some((line) => line.msg === 'request refused')).toBe(true);
  expect(JSON.stringify(lines)).not.toContain(token);
  await watched.close();
});

test('a flood of refused tokens does not flood the log: the rest is only counted', async () => {
  const { app: watched, lines } = await createTestApp();
  const headers = authorization(forgeToken({ secret: 'y'.repeat(40) }));
  for (let index = 0; index < 100; index++) {
    await watched.inject({ url: '/api/v1/pulses', headers });
  }
  expect(lines.filter((line) => line.msg === 'request refused')).toHaveLength(60);
  await watched.close();
  const isFirst = ({ msg }: { readonly msg?: unknown }) => String(msg).includes('requests refused');
  expect(lines.filter(isFirst).map(({ count }) => count)).toEqual([40]);
});

test('a new secret keeps existing tokens valid while the previous one is configured', async () => {
  const next = 'the next secret of at least thirty-two bytes';
  const status = async (api: Api, token: string) =>
    (
      await api.inject({
        url: '/api/v1/pulses/populate/b3a3c0ff-9a46-4a7b-8d0a-0f2f4e4d3c2b',
        headers: authorization(token),
      })
    ).statusCode;
  const old = forgeToken();
  const fresh = forgeToken({ secret: next, kidOf: next });
  const both = await createTestApp({}, { jwtSecret: next, jwtSecretPrevious: OPTIONS.jwtSecret });
  expect(await status(both.app, old)).toBe(404);
  expect(await status(both.app, fresh)).toBe(404);
  // Each secret is only valid under its own name.
  expect(await status(both.app, forgeToken({ secret: next }))).toBe(401);
  expect(await status(both.app, forgeToken({ kidOf: next }))).toBe(401);
  const rotated = await createTestApp({}, { jwtSecret: next });
  expect(await status(rotated.app, old)).toBe(401);
  expect(await status(rotated.app, fresh)).toBe(404);
  await both.app.close();
  await rotated.app.close();
});

test('the API does not start if a route does not say who may call it', async () => {
  const { app: forgetful } = await createTestApp();
  forgetful.get('/forgotten', () => ({}));
  const started = forgetful.ready().then(() => 'started');
  await expect(started).rejects.toThrow('GET /forgotten has neither');
});

test('a short secret is refused at start', async () => {
  await expect(createTestApp({}, { jwtSecret: 'short' })).rejects.toMatchObject({
    code: 'PULSE_CONFIG_INVALID',
  });
});
