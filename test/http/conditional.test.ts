import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { authorization, createTestApp, fakePopulateRuns } from '../api/api-fixture.ts';

let app: Api;
let runs: ReturnType<typeof fakePopulateRuns>;
let url: string;

beforeEach(async () => {
  runs = fakePopulateRuns();
  ({ app } = await createTestApp({ populateRuns: runs }));
  const { id } = await runs.start({
    total: 9,
    workers: 1,
    buffer: 1,
    pulsesPerMessage: 1,
    requestedBy: 'alice',
  });
  url = `/api/v1/pulses/populate/${id}`;
});
afterEach(() => app.close());

const get = (headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET') =>
  app.inject({ method, url, headers: { ...authorization(), ...headers } });

test('a caller that has the answer gets 304 without a body, until it changes', async () => {
  const first = await get();
  expect(first.statusCode).toBe(200);
  const etag = String(first.headers.etag);
  expect(etag).toMatch(/^W\/"[\w-]{22}"$/);
  expect(first.headers).toMatchObject({
    'cache-control': 'private, no-cache',
    vary: 'authorization',
  });
  const again = await get({ 'if-none-match': etag });
  expect(again.statusCode).toBe(304);
  expect(again.body).toBe('');
  expect(again.headers).toMatchObject({ etag, 'cache-control': 'private, no-cache' });
  expect(again.headers).not.toHaveProperty('content-type');
  expect(again.headers['x-request-id']).toBeDefined();
  const [run] = runs.started.values();
  runs.started.set(run!.id, { ...run!, confirmed: 1 });
  const changed = await get({ 'if-none-match': etag });
  expect(changed.statusCode).toBe(200);
  expect(changed.headers.etag).not.toBe(etag);
});

test('the tag is compared weakly, and may be in a list', async () => {
  const etag = String((await get()).headers.etag);
  for (const given of [etag.slice(2), `"other", ${etag}`, `${etag},W/"x"`, '*']) {
    expect((await get({ 'if-none-match': given })).statusCode, given).toBe(304);
  }
  for (const given of ['"other"', 'W/"other"', '', etag.slice(3, -1), '"'.repeat(1_000)]) {
    expect((await get({ 'if-none-match': given })).statusCode, given).toBe(200);
  }
  for (const accept of ['gzip', 'identity']) {
    const head = await get({ 'if-none-match': etag, 'accept-encoding': accept }, 'HEAD');
    expect(head.statusCode).toBe(304);
    expect(head.headers).not.toHaveProperty('content-length');
    expect(head.headers).not.toHaveProperty('content-encoding');
  }
  expect((await get({}, 'HEAD')).headers.etag).toBe(etag);
});

test('the tag is the same for the compressed answer', async () => {
  const [run] = runs.started.values();
  runs.started.set(run!.id, { ...run!, error: 'x'.repeat(5_000) });
  const plain = await get();
  const res = await get({ 'accept-encoding': 'gzip' });
  expect(res.headers['content-encoding']).toBe('gzip');
  expect(res.headers.etag).toBe(plain.headers.etag);
  expect(res.headers.vary).toBe('authorization, accept-encoding');
  expect(gunzipSync(res.rawPayload).toString()).toBe(plain.body);
});

test('errors and lists have no tag and are not cached', async () => {
  const missing = await app.inject({ url: `${url}x`, headers: authorization() });
  for (const res of [missing, await app.inject({ url: '/api/v1/problems' })]) {
    expect(res.headers).not.toHaveProperty('etag');
    expect(res.headers['cache-control']).toBe('no-store');
  }
});
