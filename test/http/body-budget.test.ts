import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
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

async function listen(bytesMax: number, bodyLimit = 1_000_000) {
  app = fastify({ bodyLimit });
  const answerFailure = createErrorHandler({ error: () => undefined, warn: () => undefined });
  let refusedCount = 0;
  app.setErrorHandler((error, request, reply) => {
    refusedCount += 1;
    answerFailure(error, request, reply);
  });
  app.decorateRequest('user', null as never);
  addAnswerDeadline(app, { answerWithinMs: 60_000 });
  const limits = { callerBytesMax: bytesMax, bytesMax };
  addBodyBudget(app, { ...limits, strangers: limits });
  let arrivedCount = 0;
  app.addHook('preParsing', (_request, _reply, payload, done) => {
    arrivedCount += 1;
    done(null, payload);
  });
  const arrived = async (count: number) => {
    while (arrivedCount < count) await setImmediate();
  };
  const refused = async (count: number) => {
    while (refusedCount < count) await setImmediate();
  };
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const handled = { count: 0 };
  app.post('/', async ({ bodyBytes }) => {
    handled.count += 1;
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
  return { url, post, release, arrived, refused, handled };
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

test('of many small requests at once, as many are answered as there is room for', async () => {
  const { post, release, handled } = await listen(100_000);
  const answers = Array.from({ length: 40 }, () => post(1_000));
  // 4 KiB for each, in half of the budget.
  await expect.poll(() => handled.count).toBe(12);
  release();
  await Promise.all(answers);
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

const HEAD = ['POST / HTTP/1.1', 'Host: x'];
const JSON_TYPE = 'Content-Type: application/json';
const whole = [...HEAD, JSON_TYPE, 'Content-Length: 2', '', '""'].join('\r\n');
/** What is refused before all of the body has arrived. */
const REFUSED = {
  'a content type that no route takes': ['Content-Type: text/x', 'Content-Length: 1000', '', 'a'],
  'a declared length beyond the limit': [JSON_TYPE, 'Content-Length: 200000', '', '"a'],
  'chunks beyond the limit': [
    ...[JSON_TYPE, 'Transfer-Encoding: chunked', ''],
    ...['186a1', `"${'a'.repeat(100_000)}`, '5', 'aa'],
  ],
};

test.each(Object.entries(REFUSED))(
  'a request with %s may break off while it waits behind another',
  async (_, request) => {
    const { url, post, release, refused } = await listen(1_000_000, 100_000);
    const uncaught: Error[] = [];
    const note = (error: Error): number => uncaught.push(error);
    process.on('uncaughtException', note);
    const connected = once(app.server, 'connection');
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const [serverSide] = (await connected) as [Socket];
    const closed = new Promise((resolve) => serverSide.on('close', resolve));
    socket.write(whole + [...HEAD, ...request].join('\r\n'));
    await refused(1);
    socket.destroy();
    await closed;
    // The error of the request comes right after the end of its connection.
    await setImmediate();
    process.off('uncaughtException', note);
    release();
    expect(uncaught).toEqual([]);
    expect((await post(10_000)).status).toBe(200);
  },
);

test('bytes that arrive after the answer do not count', async () => {
  const { post, release } = await listen(200_000, 100_000);
  release();
  for (let count = 0; count < 10; count++) {
    const body = new Blob(['a'.repeat(300_000)]).stream();
    const sent = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    // Fails if the connection is closed while the body is on its way.
    const res = await fetch(app.listeningOrigin, { ...sent, duplex: 'half' }).catch(() => null);
    expect([null, 413]).toContain(res?.status ?? null);
  }
  const both = await Promise.all([post(60_000), post(60_000)]);
  expect(both.map(({ status }) => status)).toEqual([200, 200]);
});
