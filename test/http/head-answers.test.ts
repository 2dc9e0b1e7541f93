import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createTestApp } from '../api/api-fixture.ts';

const CHUNK = Buffer.alloc(64 * 1024, 'x');
const CHUNKS = 100;

let app: Api;
/** Of the last answer. */
let body: Readable;
let chunksRead: number;

beforeAll(async () => {
  ({ app } = await createTestApp());
  app.get('/stream', { config: { public: true } }, (_request, reply) => {
    chunksRead = 0;
    body = new Readable({
      read() {
        this.push(chunksRead++ < CHUNKS ? CHUNK : null);
      },
      // As one that was still being opened.
      destroy(_error, callback) {
        callback(chunksRead === 0 ? new Error('It cannot be opened.') : null);
      },
    });
    const length = String(CHUNK.length * CHUNKS);
    return reply.type('text/csv').headers({ 'content-length': length, etag: '"x"' }).send(body);
  });
});
afterAll(() => app.close());

const ask = async (method: 'GET' | 'HEAD') => {
  const answer = await app.inject({ method, url: '/stream' });
  const own = new Set(['date', 'x-request-id']);
  const given = Object.entries(answer.headers).filter(([name]) => !own.has(name));
  return { status: answer.statusCode, bytes: answer.rawPayload.length, headers: given };
};

test('HEAD has the headers of GET, and reads nothing of its stream', async () => {
  const get = await ask('GET');
  expect(get.bytes).toBe(CHUNK.length * CHUNKS);
  const head = await ask('HEAD');
  for (let count = 0; count < 2 * CHUNKS; count++) await turn();
  expect(body.destroyed).toBe(true);
  expect(chunksRead).toBe(0);
  expect(head).toEqual({ ...get, bytes: 0 });
});
