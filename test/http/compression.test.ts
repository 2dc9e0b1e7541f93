import { once } from 'node:events';
import { get as httpGet, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { createGunzip, gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp } from '../api/api-fixture.ts';

let app: Api;
afterEach(() => app.close());

const PUBLIC = { config: { public: true } } as const;
const gzip = { 'accept-encoding': 'gzip' };
const text = 'pulse '.repeat(1_000);

test('a long answer is compressed for callers that accept it, with the same content', async () => {
  ({ app } = await createTestApp());
  const plain = await app.inject({ url: '/openapi.json' });
  expect(plain.headers).not.toHaveProperty('content-encoding');
  const res = await app.inject({ url: '/openapi.json', headers: gzip });
  expect(res.headers['content-encoding']).toBe('gzip');
  expect(res.headers.vary).toContain('accept-encoding');
  expect(gunzipSync(res.rawPayload).toString()).toBe(plain.body);
  const none = await app.inject({
    url: '/openapi.json',
    headers: { 'accept-encoding': 'gzip;q=0' },
  });
  expect(none.body).toBe(plain.body);
});

const LONG = {
  'in one script': 'pulse '.repeat(200_000),
  'of few characters but many bytes': '漢'.repeat(6_000),
};

test.each(Object.entries(LONG))(
  'a large answer %s is compressed before it is sent, so that no compressor waits for its caller',
  async (_, long) => {
    ({ app } = await createTestApp());
    app.get('/long', PUBLIC, (_request, reply) => reply.header('vary', 'origin').send({ long }));
    const res = await app.inject({ url: '/long', headers: gzip });
    expect(res.headers).toMatchObject({
      'content-encoding': 'gzip',
      // A stream has none.
      'content-length': String(res.rawPayload.length),
      vary: 'origin, accept-encoding',
    });
    expect(JSON.parse(gunzipSync(res.rawPayload).toString())).toEqual({ long });
  },
);

test.each(['*', 'x-gzip', 'br', 'gzip;q=0'])(
  'a large answer for a caller that accepts %s is in one piece, too',
  async (accepted) => {
    ({ app } = await createTestApp());
    const long = LONG['in one script'];
    app.get('/long', PUBLIC, () => ({ long }));
    app.get('/image', PUBLIC, (_request, reply) => reply.type('image/png').send(long));
    for (const url of ['/long', '/image']) {
      const res = await app.inject({ url, headers: { 'accept-encoding': accepted } });
      expect(res.headers).toHaveProperty('content-length');
      expect(res.headers).not.toHaveProperty('content-encoding');
    }
  },
);

test('HEAD of a large answer is as its GET, without the body', async () => {
  ({ app } = await createTestApp());
  app.get('/long', PUBLIC, () => ({ long: LONG['in one script'] }));
  const res = await app.inject({ method: 'HEAD', url: '/long', headers: gzip });
  expect([res.statusCode, res.rawPayload.length]).toEqual([200, 0]);
});

test('many large answers at once are all whole, compressed or not', async () => {
  const answerBudget = { callerBytesMax: 1e9, bytesMax: 1e9 };
  ({ app } = await createTestApp({}, { answerBudget }));
  const long = 'pulse '.repeat(10_000);
  app.get('/long', PUBLIC, () => ({ long }));
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => app.inject({ url: '/long', headers: gzip })),
  );
  for (const { headers, rawPayload } of answers) {
    const isZipped = headers['content-encoding'] === 'gzip';
    const text = (isZipped ? gunzipSync(rawPayload) : rawPayload).toString();
    expect(text === JSON.stringify({ long })).toBe(true);
  }
});

test('a short answer, one in another format, and one with a secret are not compressed', async () => {
  ({ app } = await createTestApp());
  const secret = { config: { public: true, answersSecret: true } } as const;
  app.get('/image', PUBLIC, (_request, reply) => reply.type('image/png').send(text));
  app.get('/secret', secret, () => ({ text }));
  for (const url of ['/health/live', '/image', '/secret']) {
    const res = await app.inject({ url, headers: gzip });
    expect(res.statusCode).toBe(200);
    expect(res.headers, url).not.toHaveProperty('content-encoding');
  }
});

test('a compressed body is refused: a small one could expand to any size', async () => {
  ({ app } = await createTestApp());
  const payload = gzipSync(JSON.stringify({ username: 'admin', password: 'x' }));
  const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' };
  const res = await app.inject({ method: 'POST', url: '/api/v1/login', headers, payload });
  expect(res.statusCode).toBe(400);
});

async function openStream(): Promise<{ source: PassThrough; response: IncomingMessage }> {
  ({ app } = await createTestApp());
  const source = new PassThrough();
  app.get('/stream', PUBLIC, (_request, reply) => reply.type('application/x-ndjson').send(source));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  source.write('{"row":1}\n');
  const request = httpGet({ port, path: '/stream', headers: gzip, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.headers['content-encoding']).toBe('gzip');
  return { source, response };
}

test('the chunks of a stream arrive before it ends', async () => {
  const { source, response } = await openStream();
  const rows = response.pipe(createGunzip());
  expect(String((await once(rows, 'data'))[0])).toBe('{"row":1}\n');
  source.write('{"row":2}\n');
  expect(String((await once(rows, 'data'))[0])).toBe('{"row":2}\n');
  source.end();
  await once(rows, 'end');
});

test('a stream that fails before its first byte is a plain problem', async () => {
  ({ app } = await createTestApp());
  app.get('/stream', PUBLIC, (_request, reply) => {
    const source = new PassThrough();
    setImmediate(() => source.destroy(new Error('The database went away.')));
    return reply
      .type('text/csv')
      .header('content-disposition', 'attachment; filename="rows.csv"')
      .send(source);
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const request = httpGet({ port, path: '/stream', headers: gzip, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(500);
  expect(response.headers).not.toHaveProperty('content-encoding');
  expect(response.headers).not.toHaveProperty('content-disposition');
  expect(response.headers['content-type']).toContain('application/problem+json');
  const chunks = (await response.toArray()) as Buffer[];
  expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ status: 500 });
});

test('a stream that fails midway never looks complete', async () => {
  const { source, response } = await openStream();
  response.resume();
  const failed = once(response, 'end').then(
    () => 'whole',
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  source.destroy(new Error('The database went away.'));
  expect(await failed).toBe('ECONNRESET');
});
