import { connect } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { fastify } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import { addAnswerDeadline } from '../../src/http/answer-deadline.ts';
import { addBodyBudget } from '../../src/http/body-budget.ts';
import { createErrorHandler } from '../../src/http/error-handler.ts';

let app = fastify();
afterEach(async () => {
  app.server.closeAllConnections();
  await app.close();
});

async function listen(bytesMax: number) {
  app = fastify({ bodyLimit: 1_000_000 });
  app.setErrorHandler(createErrorHandler({ warn: () => undefined }));
  app.decorateRequest('user', null as never);
  addAnswerDeadline(app, { answerWithinMs: 60_000 });
  addBodyBudget(app, { callerBytesMax: bytesMax, bytesMax });
  let arrivedCount = 0;
  app.addHook('preParsing', (_request, _reply, payload, done) => {
    arrivedCount += 1;
    done(null, payload);
  });
  const arrived = async (count: number) => {
    while (arrivedCount < count) await setImmediate();
  };
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  app.post('/', async ({ bodyBytes }) => {
    await released;
    return { bodyBytes };
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const post = (bytes: number) =>
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify('x'.repeat(bytes - 2)),
    });
  return { url, post, release, arrived };
}

test('bytes count until the answer has ended', async () => {
  const { post, release } = await listen(100_000);
  const first = post(80_000);
  let refused = await post(50_000);
  while (refused.status !== 429) refused = await post(50_000);
  expect(refused.headers.get('retry-after')).toBe('1');
  expect(await refused.json()).toMatchObject({ code: 'PULSE_API_TOO_MANY_REQUESTS' });
  release();
  expect(await (await first).json()).toEqual({ bodyBytes: 80_000 });
  expect((await post(80_000)).status).toBe(200);
});

test('bytes that are declared but do not arrive do not count', async () => {
  const { url, post, release, arrived } = await listen(1_000_000);
  const sockets = Array.from({ length: 20 }, () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900000\r\n\r\n[',
    );
    return socket;
  });
  await arrived(sockets.length);
  release();
  expect((await post(10_000)).status).toBe(200);
  for (const socket of sockets) socket.destroy();
});
