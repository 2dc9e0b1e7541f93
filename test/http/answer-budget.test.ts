import { connect, type AddressInfo, type Socket } from 'node:net';
import { fastify } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { addAnswerBudget } from '../../src/http/answer-budget.ts';
import { addAnswerDeadline } from '../../src/http/answer-deadline.ts';
import { addConditionalAnswers } from '../../src/http/conditional.ts';
import { createErrorHandler } from '../../src/http/error-handler.ts';

const MIB = 1024 * 1024;
/** More than the buffers of a socket that nobody reads. */
const LARGE = 'x'.repeat(16 * MIB);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** An API whose answers are large, and how many it has given. */
async function openApi() {
  const app = fastify({ forceCloseConnections: true });
  const answered = { count: 0 };
  app.setErrorHandler(createErrorHandler({ error: () => undefined, warn: () => undefined }));
  app.decorateRequest('user', null as never);
  addAnswerDeadline(app, { answerWithinMs: 60_000 });
  addConditionalAnswers(app);
  addAnswerBudget(app, { callerBytesMax: 40 * MIB, bytesMax: 200 * MIB });
  app.get('/large', { config: { conditional: true } }, () => {
    answered.count += 1;
    return LARGE;
  });
  app.post('/large', () => LARGE);
  app.get('/small', () => 'small');
  await app.listen({ port: 0, host: '127.0.0.1' });
  closing.push(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    answered,
    port,
    url,
    statusOf: async (path: string, init = {}) => {
      const response = await fetch(url + path, init);
      await response.arrayBuffer();
      return response.status;
    },
  };
}

/** Asks for a large answer and never reads it. */
function askWithoutReading(port: number): Socket {
  const socket = connect(port, '127.0.0.1').on('error', () => undefined);
  socket.pause();
  socket.write('GET /large HTTP/1.1\r\nHost: a\r\n\r\n');
  closing.push(() => socket.destroy());
  return socket;
}

test('answers that nobody reads are limited in bytes, until their connections are gone', async () => {
  const { answered, port, url, statusOf } = await openApi();
  const sockets = [askWithoutReading(port), askWithoutReading(port)];
  await expect.poll(() => answered.count).toBe(2);
  const refused = await fetch(`${url}/large`);
  expect(refused.status).toBe(429);
  // No cache may keep it in place of the answer.
  expect(refused.headers.get('cache-control')).toBe('no-store');
  expect(refused.headers.get('etag')).toBeNull();
  expect(await statusOf('/small')).toBe(200);
  expect(await statusOf('/large', { method: 'POST' })).toBe(200);
  for (const socket of sockets) socket.destroy();
  await expect.poll(() => statusOf('/large')).toBe(200);
});

test('answers that are read are not limited', async () => {
  const { statusOf } = await openApi();
  for (let count = 0; count < 5; count++) expect(await statusOf('/large')).toBe(200);
});
