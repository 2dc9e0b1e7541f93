import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import {
  createSender,
  deferred,
  drip,
  listen,
  startRawReceiver,
  startReceiver,
  startStuckReceiver,
} from './receiver-fixture.ts';
import { TEST_CERTIFICATE } from './test-certificate.ts';

const SHORT = { timeoutMs: 300 };
const SHORT_CONNECT = { connectTimeoutMs: 100 };
const MIB = 1024 * 1024;

test.each<[string, (socket: Socket) => void]>([
  ['never answers', () => undefined],
  ['stops within the head', (socket) => socket.write('HTTP/1.1 200 OK\r\nX-A: ')],
  [
    'drips its head forever',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      drip(socket, () => socket.write('X: y\r\n'));
    },
  ],
  [
    'answers 103 forever',
    (socket) => {
      drip(socket, () => socket.write('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n'));
    },
  ],
])('a receiver that %s is a timeout', async (_what, answer) => {
  const { url, closed } = await startRawReceiver(answer);
  expect(await createSender(SHORT).send(url)).toEqual({
    outcome: 'failed',
    durationMs: expect.any(Number) as number,
    error: 'timeout',
  });
  await closed;
});

test.each<[string, (socket: Socket) => void]>([
  ['is not HTTP', (socket) => socket.end('220 mail.example.com ESMTP\r\n')],
  ['has no valid status', (socket) => socket.end('HTTP/1.1 abc OK\r\n\r\n')],
  ['has a control in a header', (socket) => socket.end('HTTP/1.1 200 OK\r\nA: \u0000\r\n\r\n')],
  ['switches protocols', (socket) => socket.write(`HTTP/1.1 101 Go\r\nUpgrade: x\r\n${END}`)],
  ['is 100 though nobody waits for it', (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\n')],
  [
    'has headers without end',
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      drip(socket, () => socket.write(`X: ${'y'.repeat(4_096)}\r\n`));
    },
  ],
])('an answer that %s is invalid', async (_what, answer) => {
  const { url, closed } = await startRawReceiver(answer);
  expect(await createSender().send(url)).toMatchObject({
    outcome: 'failed',
    error: 'invalid_answer',
  });
  await closed;
});

const END = 'Connection: Upgrade\r\n\r\n';
const HEAD = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n';

test.each<[string, (socket: Socket) => void]>([
  ['closes the connection', (socket) => socket.end()],
  ['resets the connection', (socket) => socket.resetAndDestroy()],
  ['closes within the head', (socket) => socket.end('HTTP/1.1 200 OK\r\nX-A: ')],
])('a receiver that %s has not taken the webhook', async (_what, answer) => {
  const { url } = await startRawReceiver(answer);
  expect(await createSender().send(url)).toMatchObject({
    outcome: 'failed',
    error: 'connection_reset',
  });
});

test.each<[string, (socket: Socket) => void]>([
  ['breaks off', (socket) => socket.end(`${HEAD}some`)],
  [
    'is reset',
    (socket) => {
      socket.write(`${HEAD}some`, () => setImmediate(() => socket.resetAndDestroy()));
    },
  ],
  ['stops', (socket) => socket.write(`${HEAD}some`)],
  ['has broken chunks', (socket) => socket.end(`${CHUNKED}4\r\nsome\r\nnonsense\r\n`)],
  [
    'drips forever',
    (socket) => {
      socket.write(`${CHUNKED}4\r\nsome\r\n`);
      drip(socket, () => socket.write('1\r\nx\r\n'));
    },
  ],
])('a body that %s does not undo the status', async (_what, answer) => {
  const { url, closed } = await startRawReceiver(answer);
  const { response, ...result } = await createSender(SHORT).send(url);
  expect(result).toMatchObject({ outcome: 'delivered', statusCode: 200 });
  expect('some'.startsWith(response?.slice(0, 4) ?? '?')).toBe(true);
  await closed;
});

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

test('a slow body of a failed attempt leaves the status', async () => {
  const { url } = await startRawReceiver((socket) => {
    socket.write(HEAD.replace('200 OK', '503 Busy'));
  });
  expect(await createSender(SHORT).send(url)).toMatchObject({ outcome: 'failed', statusCode: 503 });
});

test('of a gigabyte only the start is read', async () => {
  const chunk = Buffer.alloc(MIB, 'x');
  let writtenBytes = 0;
  const { url, closed } = await startRawReceiver((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${1024 * MIB}\r\n\r\n`);
    const writeMore = () => {
      while (!socket.destroyed && socket.write(chunk)) writtenBytes += chunk.length;
      writtenBytes += chunk.length;
    };
    socket.on('drain', writeMore);
    writeMore();
  });
  expect(await createSender().send(url)).toMatchObject({
    outcome: 'delivered',
    response: 'x'.repeat(1_024),
  });
  await closed;
  expect(writtenBytes).toBeLessThan(100 * MIB);
});

test('a compressed answer is not decompressed', async () => {
  const { url } = await startReceiver((_request, response) => {
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(Buffer.alloc(10 * MIB)));
  });
  const { response = '', outcome } = await createSender().send(url);
  expect(outcome).toBe('delivered');
  expect(response).toMatch(/^\\u\{1f\}\\x8b/);
  expect(response.length).toBeLessThan(6 * 1_024);
});

test('a port that nobody listens on refuses the connection', async () => {
  const { url, closed } = await startRawReceiver((socket) => socket.end());
  const { send } = createSender();
  await send(url);
  await closed;
  expect(await send('http://127.0.0.1:1/')).toMatchObject({
    outcome: 'failed',
    error: 'connection_refused',
  });
});

test('a receiver that accepts no more connections is a connection timeout', async () => {
  const url = await startStuckReceiver();
  // The system accepts some connections in its place. They fill its queue.
  const fillers = Array.from({ length: 8 }, () => connect(Number(new URL(url).port), '127.0.0.1'));
  onTestFinished(() => {
    for (const socket of fillers) socket.destroy();
  });
  for (const socket of fillers) socket.on('error', () => undefined);
  await Promise.race(fillers.map((socket) => once(socket, 'connect')));
  const { send } = createSender(SHORT_CONNECT);
  expect(await send(url)).toMatchObject({ error: 'connect_timeout' });
});

test('a receiver whose system accepts in its place is a timeout', async () => {
  const url = await startStuckReceiver();
  expect(await createSender(SHORT).send(url)).toMatchObject({ error: 'timeout' });
});

test('a name that does not resolve, or not in time, fails the attempt', async () => {
  const unknown = createSender({ guard: { resolve: () => Promise.resolve([]) } });
  expect(await unknown.send('http://hooks.example.com/')).toMatchObject({ error: 'dns' });
  const silent = createSender({
    ...SHORT_CONNECT,
    guard: { resolve: () => new Promise(() => undefined) },
  });
  expect(await silent.send('http://hooks.example.com/')).toMatchObject({
    error: 'connect_timeout',
  });
});

test('the time of an attempt also ends while it waits for a connection', async () => {
  const resolved = deferred<readonly string[]>();
  const { send } = createSender({
    ...SHORT,
    connectTimeoutMs: 3_600_000,
    guard: { resolve: () => resolved.promise },
  });
  expect(await send('http://hooks.example.com/')).toMatchObject({ error: 'timeout' });
  const stop = new AbortController();
  const sending = send('http://hooks.example.com/', { signal: stop.signal });
  stop.abort(new Error('stopping'));
  await expect(sending).rejects.toThrow('stopping');
  resolved.resolve([]);
});

test('a name that resolves to a refused address is not connected to', async () => {
  const receiver = await startReceiver((_request, response) => response.end());
  const url = receiver.url.replace('127.0.0.1', 'hooks.example.com');
  for (const addresses of [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['::ffff:127.0.0.1']]) {
    const guard = { allowPrivate: false, resolve: () => Promise.resolve(addresses) };
    expect(await createSender({ guard }).send(url)).toMatchObject({ error: 'refused_address' });
  }
  expect(receiver.connectionCount()).toBe(0);
});

test('what is connected to is what was checked, whatever the name resolves to afterwards', async () => {
  const receiver = await startReceiver((request, response) => {
    response.setHeader('connection', 'close');
    response.end(request.headers.host);
  });
  const url = receiver.url.replace('127.0.0.1', 'rebinding.example.com');
  let resolvedCount = 0;
  const { send } = createSender({
    guard: {
      allowPrivate: false,
      // Stands for a public address.
      allowedRanges: ['127.0.0.1'],
      resolve: () => Promise.resolve(resolvedCount++ === 0 ? ['127.0.0.1'] : ['127.0.0.2']),
    },
  });
  expect(await send(url)).toMatchObject({
    outcome: 'delivered',
    response: new URL(url).host,
  });
  expect(resolvedCount).toBe(1);
  expect(await send(url)).toMatchObject({ outcome: 'failed', error: 'refused_address' });
  expect([resolvedCount, receiver.connectionCount()]).toEqual([2, 1]);
});

test('TLS is checked: the authority, and the name', async () => {
  const server = createTlsServer(TEST_CERTIFICATE, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  const { port } = new URL(await listen(server));
  const guard = { resolve: () => Promise.resolve(['127.0.0.1']) };
  const trusting = createSender({ guard, ca: TEST_CERTIFICATE.cert });
  expect(await trusting.send(`https://hooks.example.com:${port}/`)).toMatchObject({
    outcome: 'delivered',
    response: 'ok',
  });
  const failed = { outcome: 'failed', error: 'tls' };
  expect(await trusting.send(`https://other.example.com:${port}/`)).toMatchObject(failed);
  expect(await trusting.send(`https://127.0.0.1:${port}/`)).toMatchObject(failed);
  const strict = createSender({ guard });
  expect(await strict.send(`https://hooks.example.com:${port}/`)).toMatchObject(failed);
});

test('a receiver that speaks no TLS fails the attempt', async () => {
  const { url } = await startRawReceiver((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  const { send } = createSender();
  expect(await send(url.replace('http:', 'https:'))).toMatchObject({ error: 'tls' });
});

test('a receiver that never answers the TLS handshake is a connection timeout', async () => {
  const { url, closed } = await startRawReceiver(() => undefined);
  const { send } = createSender(SHORT_CONNECT);
  expect(await send(url.replace('http:', 'https:'))).toMatchObject({ error: 'connect_timeout' });
  await closed;
});
