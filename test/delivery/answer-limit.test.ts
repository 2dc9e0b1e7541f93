import type { Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { expect, test } from 'vitest';
import { ANSWER_BYTES_MAX } from '../../src/delivery/answer-limit.ts';
import { createSender, listen, startRawReceiver, startReceiver } from './receiver-fixture.ts';
import { TEST_CERTIFICATE } from './test-certificate.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
const EARLY_HINTS = 'HTTP/1.1 103 Early Hints\r\n\r\n';
/** What the buffers of two sockets may take, of which the sender reads nothing. */
const WRITTEN_BYTES_MAX = 16 * MIB;

/** What is repeated without end after a beginning, and what comes of the attempt. */
const FLOODS = [
  { what: 'interim answers', start: '', part: EARLY_HINTS, result: { error: 'answer_too_large' } },
  {
    what: 'a chunk extension',
    start: `${CHUNKED}4;`,
    part: 'a',
    result: { outcome: 'delivered', statusCode: 200, response: '' },
  },
  {
    what: 'small chunks',
    start: `${CHUNKED}4\r\nsome\r\n`,
    part: '1\r\nx\r\n',
    result: { outcome: 'delivered', statusCode: 200, response: /^somex/ },
  },
  {
    what: 'the body of a failure',
    start: `HTTP/1.1 500 Oh\r\nContent-Length: ${1024 * MIB}\r\n\r\n`,
    part: 'x',
    result: { outcome: 'failed', statusCode: 500, response: /^x{1024}$/ },
  },
];

/** Counts what it writes, as fast as it is taken. */
function flood({ start, part }: { readonly start: string; readonly part: string }) {
  const parts = Buffer.from(part.repeat(Math.ceil((64 * KIB) / part.length)));
  const counted = { writtenBytes: 0 };
  const answer = (socket: Socket) => {
    socket.write(start);
    const writeMore = () => {
      let isTaken = true;
      while (isTaken && !socket.destroyed) {
        isTaken = socket.write(parts);
        counted.writtenBytes += parts.length;
        // Without a limit the test fails, and the flood ends.
        if (counted.writtenBytes > 2 * WRITTEN_BYTES_MAX) socket.destroy();
      }
    };
    socket.on('drain', writeMore);
    writeMore();
  };
  return { counted, answer };
}

test.each(FLOODS)('$what without end are read up to the limit', async ({ result, ...sent }) => {
  const { counted, answer } = flood(sent);
  const { url, closed } = await startRawReceiver(answer);
  expect(await createSender({ timeoutMs: 60_000 }).send(url)).toMatchObject(matching(result));
  await closed;
  expect(counted.writtenBytes).toBeLessThan(WRITTEN_BYTES_MAX);
});

test.each(FLOODS)('$what without end over TLS, too', async ({ result, ...sent }) => {
  const { counted, answer } = flood(sent);
  const server = createTlsServer(TEST_CERTIFICATE, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      answer(socket);
    });
  });
  const { port } = new URL(await listen(server));
  const guard = { resolve: () => Promise.resolve(['127.0.0.1']) };
  const { send } = createSender({ guard, ca: TEST_CERTIFICATE.cert, timeoutMs: 60_000 });
  const url = `https://hooks.example.com:${port}/`;
  expect(await send(url)).toMatchObject(matching(result));
  expect(counted.writtenBytes).toBeLessThan(WRITTEN_BYTES_MAX);
});

test('an answer within the limit counts, with its interim answers', async () => {
  const interim = EARLY_HINTS.repeat(1_000);
  const { url } = await startRawReceiver((socket) => {
    socket.end(`${interim}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`);
  });
  expect(await createSender().send(url)).toMatchObject({ outcome: 'delivered', response: 'ok' });
});

test('each answer on a connection has the whole limit', async () => {
  const body = 'x'.repeat(ANSWER_BYTES_MAX - KIB);
  const receiver = await startReceiver((request, response) => {
    request.resume().on('end', () => response.end(body));
  });
  const { send } = createSender();
  for (let count = 0; count < 6; count++) {
    expect(await send(receiver.url)).toMatchObject({ outcome: 'delivered' });
  }
  // The agent may open a second one while the first is being given back.
  expect(receiver.connectionCount()).toBeLessThanOrEqual(2);
});

function matching({ response, ...rest }: Readonly<Record<string, unknown>>) {
  if (response === undefined) return rest;
  return {
    ...rest,
    response: response instanceof RegExp ? (expect.stringMatching(response) as string) : response,
  };
}
