import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastifyStatic } from '@fastify/static';
import { fastify, type FastifyInstance } from 'fastify';
import { afterEach, expect, test, vi } from 'vitest';
import { addKeptFiles } from '../../src/http/kept-files.ts';
import { createTestApp } from '../api/api-fixture.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

test.each([
  ['/docs/static/swagger-ui-bundle.js', {}],
  ['/console/', {}],
  ['/console/orders/1', {}],
  ['/console/manifest.json', { 'accept-encoding': 'gzip' }],
])('all answers to GET %s with %j hold the same bytes', async (path, headers) => {
  const { app } = await createTestApp({}, { console: true });
  closing.push(() => app.close());
  const ends: (() => unknown)[] = [];
  app.server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    const end = vi.spyOn(response, 'end');
    ends.push(() => end.mock.calls[0]?.[0]);
  });
  const url = (await app.listen({ port: 0, host: '127.0.0.1' })) + path;
  for (let count = 0; count < 2; count++) {
    const answer = await fetch(url, { headers });
    expect(answer.status).toBe(200);
    await answer.arrayBuffer();
  }
  const [first, second] = ends.map((read) => read());
  expect(first).toBeInstanceOf(Buffer);
  expect(second).toBe(first);
});

const FILE = 'page.txt';

async function open() {
  const root = await mkdtemp(join(tmpdir(), 'pulse-kept-'));
  closing.push(() => rm(root, { recursive: true }));
  const write = (text: string) => writeFile(join(root, FILE), text);
  await write('0123456789');
  const serve = async (isKept: boolean) => {
    const app = fastify();
    closing.push(() => app.close());
    if (isKept) addKeptFiles(app);
    await app.register(fastifyStatic, { root });
    return app;
  };
  return { write, kept: await serve(true), streamed: await serve(false) };
}

type Asked = Readonly<{ method?: 'GET' | 'HEAD'; headers?: Readonly<Record<string, string>> }>;

async function ask(app: FastifyInstance, given: Asked = {}, path = FILE) {
  const answer = await app.inject({ url: `/${path}`, ...given });
  const { date, ...headers } = answer.headers;
  expect(date).toBeDefined();
  return { status: answer.statusCode, headers, body: answer.body };
}

test('a kept file is answered as a stream of it is', async () => {
  const { kept, streamed } = await open();
  const { etag } = (await ask(streamed)).headers;
  const all: readonly [Asked, number, string][] = [
    [{}, 200, '0123456789'],
    [{ method: 'HEAD' }, 200, ''],
    [{ headers: { 'if-none-match': String(etag) } }, 304, ''],
  ];
  for (const [given, status, body] of all) {
    const answer = await ask(kept, given);
    expect(answer).toEqual(await ask(streamed, given));
    expect(answer).toMatchObject({ status, body });
  }
  expect(await ask(kept, {}, 'other.txt')).toEqual(await ask(streamed, {}, 'other.txt'));
});

test('a file that has changed is read again', async () => {
  const { kept, write } = await open();
  expect((await ask(kept)).body).toBe('0123456789');
  await write('longer than before');
  expect((await ask(kept)).body).toBe('longer than before');
});

test.each(['/docs/static/swagger-ui-bundle.js', '/console/'])(
  'GET %s answers with all of it, whatever range is asked for',
  async (url) => {
    const { app, lines } = await createTestApp({}, { console: true });
    closing.push(() => app.close());
    const whole = await app.inject({ url });
    for (const range of ['bytes=2-5', 'bytes=99999999-', 'bytes=x']) {
      const answer = await app.inject({ url, headers: { range } });
      expect(answer.statusCode).toBe(200);
      expect(answer.body).toBe(whole.body);
    }
    expect(lines.filter(({ msg }) => msg === 'request failed')).toEqual([]);
  },
);
