import { once } from 'node:events';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { fastify, type FastifyReply } from 'fastify';
import { afterEach, expect, test } from 'vitest';
import {
  addAnswerDeadline,
  setAnswerDeadline,
  signalOfEnd,
  whenOver,
} from '../../src/http/answer-deadline.ts';
import { createErrorHandler } from '../../src/http/error-handler.ts';
import { createHttpServer } from '../../src/http/http-server.ts';

/** Uses a real socket, because requests end differently there than with `inject`. */
let app = fastify();
afterEach(async () => {
  app.server.closeAllConnections();
  await app.close();
});

async function listen(answer: (reply: FastifyReply) => unknown, answerWithinMs = 60_000) {
  app = fastify();
  app.setErrorHandler(createErrorHandler({ error: () => undefined, warn: () => undefined }));
  addAnswerDeadline(app, { answerWithinMs });
  app.post('/', (_request, reply) => answer(reply));
  return await app.listen({ host: '127.0.0.1', port: 0 });
}

const post = (url: string, signal?: AbortSignal) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"some":"body"}',
    ...(signal === undefined ? {} : { signal }),
  });

test('an answer that never comes is a problem, even if the body was read', async () => {
  const res = await post(await listen(() => new Promise(() => undefined), 20));
  expect(res.status).toBe(503);
  expect(await res.json()).toMatchObject({ code: 'PULSE_API_TIMEOUT' });
});

test('an answer that stalls midway is cut off and does not look complete', async () => {
  const url = await listen((reply) => {
    const half = new Readable({ read: () => undefined });
    half.push('half');
    return reply.send(half);
  }, 500);
  const res = await post(url);
  expect(res.status).toBe(200);
  await expect(res.text()).rejects.toThrow();
});

test('a caller who waits gets the answer, even if the body was read', async () => {
  let signal: AbortSignal | undefined;
  const url = await listen(async (reply) => {
    // The `close` of the request only marks the end of its body; only the signal knows whether the caller still waits.
    if (!reply.request.raw.closed) await once(reply.request.raw, 'close');
    signal = signalOfEnd(reply);
    await new Promise(setImmediate);
    return { isAborted: signal.aborted };
  });
  expect(await (await post(url)).json()).toEqual({ isAborted: false });
  if (signal?.aborted === false) await once(signal, 'abort');
});

test('an answer that turns out to be long gets more time', async () => {
  const url = await listen(async (reply) => {
    setAnswerDeadline(reply, 60_000);
    await setTimeout(100);
    return { is: 'there' };
  }, 20);
  expect(await (await post(url)).json()).toEqual({ is: 'there' });
});

test('a caller who disconnected earlier is noticed', async () => {
  const caller = new AbortController();
  const noticed = new Promise<void>((resolve) => {
    void listen(async (reply) => {
      caller.abort();
      if (!reply.raw.closed) await once(reply.raw, 'close');
      whenOver(reply, resolve);
      return {};
    }).then((url) => post(url, caller.signal).catch(() => undefined));
  });
  await noticed;
});

test('a caller who disconnects is noticed', async () => {
  const caller = new AbortController();
  const noticed = new Promise<void>((resolve) => {
    void listen(async (reply) => {
      const signal = signalOfEnd(reply);
      caller.abort();
      await once(signal, 'abort');
      resolve();
      return {};
    }).then((url) => post(url, caller.signal).catch(() => undefined));
  });
  await noticed;
});

test('a caller who disconnects is noticed for each request that waits on the connection', async () => {
  app = fastify({
    serverFactory: (handle) =>
      createHttpServer(handle, { requestTimeout: 0, connectionTimeout: 0, keepAliveTimeout: 0 }),
  });
  addAnswerDeadline(app, { answerWithinMs: 60_000 });
  const replies: FastifyReply[] = [];
  app.get('/', (_request, reply) => {
    replies.push(reply);
    return new Promise(() => undefined);
  });
  const { port } = new URL(await app.listen({ host: '127.0.0.1', port: 0 }));
  const socket = connect(Number(port), '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3));
  while (replies.length < 3) await setTimeout(1);
  const signals = replies.map(signalOfEnd);
  const ended = Promise.all(signals.map((signal) => once(signal, 'abort')));
  socket.destroy();
  await ended;
});

test('a deadline does not keep the process alive', async () => {
  let timer: NodeJS.Timeout | null = null;
  const url = await listen((reply) => {
    setAnswerDeadline(reply, 3_600_000);
    timer = reply.answerTimer;
    return {};
  });
  await post(url);
  expect(timer).toMatchObject({ hasRef: expect.any(Function) as unknown });
  expect((timer as NodeJS.Timeout | null)?.hasRef()).toBe(false);
});
