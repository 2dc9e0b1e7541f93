import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { fastify, type InjectOptions } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addAnswerBudget } from '../../src/http/answer-budget.ts';
import { addAnswerDeadline } from '../../src/http/answer-deadline.ts';
import { addConditionalAnswers } from '../../src/http/conditional.ts';
import { createErrorHandler } from '../../src/http/error-handler.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
/** More than the buffers of a socket that nobody reads. */
const LARGE = 'x'.repeat(16 * MIB);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Requests without the header `stranger` are of one caller of one tenant. */
function createApi(callerBytesMax: number, bytesMax: number) {
  const app = fastify({ forceCloseConnections: true });
  app.setErrorHandler(createErrorHandler({ error: () => undefined, warn: () => undefined }));
  app.decorateRequest('user', null as never);
  app.addHook('onRequest', (request, _reply, done) => {
    if (!('stranger' in request.headers)) {
      request.user = { kind: 'user', name: 'ann', role: 'admin', tenants: ['acme'] };
    }
    done();
  });
  addAnswerDeadline(app, { answerWithinMs: 60_000 });
  addConditionalAnswers(app);
  addAnswerBudget(app, { callerBytesMax, bytesMax });
  closing.push(() => app.close());
  return app;
}

/** An API whose answers are large, and how many it has given. */
async function openApi() {
  const app = createApi(60 * MIB, 200 * MIB);
  const answered = { count: 0 };
  app.get('/large', { config: { conditional: true } }, () => {
    answered.count += 1;
    return LARGE;
  });
  app.get('/small', () => 'small');
  await app.listen({ port: 0, host: '127.0.0.1' });
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
  expect(answered.count).toBe(2);
  for (const socket of sockets) socket.destroy();
  await expect.poll(() => statusOf('/large')).toBe(200);
});

test('answers that are read are not limited', async () => {
  const { statusOf } = await openApi();
  for (let count = 0; count < 5; count++) expect(await statusOf('/large')).toBe(200);
});

/** What each route answers, 100 KiB except the small one; and how often its work was done. */
function createRoutes() {
  const app = createApi(400 * KIB, 2_000 * KIB);
  const worked = { count: 0 };
  const held: (() => void)[] = [];
  const waiting: (() => void)[] = [];
  const text = 'x'.repeat(100 * KIB);
  // After the budget, like an answer that is not read.
  app.addHook('onSend', (request, reply, payload, done) => {
    if ('unread' in request.headers && reply.statusCode !== 429)
      held.push(() => {
        done(null, payload);
      });
    else done(null, payload);
  });
  const work = async ({ headers }: { headers: object }) => {
    worked.count += 1;
    if ('slow' in headers) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  app.get('/text', async (request) => work(request).then(() => text));
  app.get('/buffer', async (request) => work(request).then(() => Buffer.from(text)));
  app.get('/taken', { config: { getChanges: true } }, async (request) =>
    work(request).then(() => text),
  );
  app.post('/text', async (request) => work(request).then(() => text));
  app.post('/unchanged', async (request) => {
    await work(request);
    request.changesNothing = true;
    return text;
  });
  app.post('/refused', async (request, reply) => {
    await work(request);
    return reply.code(422).send(text);
  });
  app.post('/small', async (request) => work(request).then(() => 'small'));
  const ask = (route: string, headers: InjectOptions['headers'] = {}) => {
    const [method, url] = route.split(' ') as ['GET' | 'POST', string];
    return app.inject({ method, url, headers });
  };
  /** Requests whose answers are not read. @returns When all are answered. */
  const leaveUnread = async (route: string, count: number): Promise<void> => {
    const before = held.length;
    for (let index = 0; index < count; index++) void ask(route, { unread: 'true' });
    await expect.poll(() => held.length).toBe(before + count);
  };
  const readAll = (): void => {
    for (const read of held.splice(0)) read();
  };
  return { app, worked, waiting, ask, leaveUnread, readAll };
}

let routes: ReturnType<typeof createRoutes>;
beforeEach(() => {
  routes = createRoutes();
});
afterEach(() => {
  routes.readAll();
});

test.each([
  'GET /text',
  'GET /buffer',
  'GET /taken',
  'POST /text',
  'POST /unchanged',
  'POST /refused',
])(
  'a caller that leaves answers to %s unread has its next requests refused before their work',
  async (route) => {
    const { worked, ask, leaveUnread, readAll } = routes;
    await leaveUnread(route, 3);
    for (const next of ['POST /small', 'GET /text', route]) {
      const refused = await ask(next);
      expect(refused.statusCode).toBe(429);
      expect(refused.headers['retry-after']).toBe('1');
      expect(refused.json()).toMatchObject({
        code: 'PULSE_API_TOO_MANY_REQUESTS',
        detail: 'Your unread answers are too large together. Try again later.',
      });
    }
    expect(worked.count).toBe(3);
    expect((await ask('GET /text', { stranger: 'true' })).statusCode).toBe(200);
    readAll();
    await expect.poll(async () => (await ask('POST /small')).statusCode).toBe(200);
  },
);

test('answers count in bytes, not in characters', async () => {
  const { app, ask, leaveUnread } = routes;
  app.get('/wide', () => '漢'.repeat(16 * KIB - 1));
  await leaveUnread('GET /wide', 5);
  expect((await ask('GET /text')).statusCode).toBe(429);
});

/** Lets requests arrive at the same time, before any of them has an answer. */
async function askTogether(route: string, count: number) {
  const { worked, waiting, ask } = routes;
  const before = worked.count;
  const answers = Array.from({ length: count }, () => ask(route, { slow: 'true', unread: 'true' }));
  await expect.poll(() => worked.count).toBe(before + count);
  for (const finish of waiting.splice(0)) finish();
  return answers;
}

test.each(['GET /text', 'POST /unchanged', 'POST /refused'])(
  'of requests in progress together, %s is refused beyond the limit, because it can be sent again',
  async (route) => {
    const answers = await askTogether(route, 6);
    const refused = await Promise.all(answers.slice(4));
    expect(refused.map(({ statusCode }) => statusCode)).toEqual([429, 429]);
  },
);

test.each(['POST /text', 'GET /taken'])(
  'of requests in progress together, %s has its connection closed beyond the limit, because its work is done',
  async (route) => {
    const { app, worked, waiting } = routes;
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { port } = app.server.address() as AddressInfo;
    const arrived: Buffer[] = [];
    const sockets = Array.from({ length: 6 }, () => {
      const socket = connect(port, '127.0.0.1').on('data', (chunk) => arrived.push(chunk));
      socket.write(
        `${route} HTTP/1.1\r\nHost: a\r\nSlow: true\r\nUnread: true\r\nContent-Length: 0\r\n\r\n`,
      );
      closing.push(() => socket.destroy());
      return socket;
    });
    const closed = Promise.all(sockets.map((socket) => once(socket, 'close')));
    await expect.poll(() => worked.count).toBe(6);
    const closedCount = () => sockets.filter((socket) => socket.closed).length;
    for (const finish of waiting.splice(0)) finish();
    await expect.poll(closedCount).toBe(2);
    expect(arrived).toEqual([]);
    for (const socket of sockets) socket.destroy();
    await closed;
  },
);
