import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import {
  createHttpServer,
  UNANSWERED_MAX,
  type HttpServerOptions,
} from '../../src/http/http-server.ts';
import { eventually } from '../support/eventually.ts';

const TIMEOUTS = { requestTimeout: 30_000, connectionTimeout: 60_000, keepAliveTimeout: 60_000 };
const REQUEST = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

let server: ReturnType<typeof createHttpServer> | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = undefined;
});

async function open(
  options: Partial<Pick<HttpServerOptions, 'proxies' | 'connectionsMax' | 'requestTimeout'>> = {},
) {
  const responses: ServerResponse[] = [];
  const excess: string[] = [];
  server = createHttpServer((_req, res) => responses.push(res), {
    ...TIMEOUTS,
    ...options,
    onExcess: (what, address) => excess.push(`${what} of ${address}`),
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { responses, excess, connectHere: () => connect(port, '127.0.0.1') };
}

async function arrived(responses: readonly ServerResponse[], count: number): Promise<void> {
  while (responses.length < count) await setImmediate();
}

test('a request that does not arrive in time is refused long before the next half minute', async () => {
  const { connectHere } = await open({ requestTimeout: 50 });
  const socket = connectHere();
  socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf');
  expect(await text(socket)).toContain('408 Request Timeout');
}, 15_000);

test('a socket may have a few unanswered requests, and is destroyed beyond', async () => {
  const { responses, excess, connectHere } = await open();
  const socket = connectHere();
  socket.write(REQUEST.repeat(1_000));
  socket.resume();
  await once(socket, 'close').catch(() => undefined);
  expect(responses).toHaveLength(UNANSWERED_MAX);
  expect(excess).toEqual(['unanswered requests of 127.0.0.1']);
});

test('a socket may have any number of requests that are answered in time', async () => {
  const { responses, excess, connectHere } = await open();
  const socket: Socket = connectHere();
  for (let round = 0; round < 3; round++) {
    socket.write(REQUEST.repeat(UNANSWERED_MAX));
    await arrived(responses, UNANSWERED_MAX * (round + 1));
    const waiting = responses.slice(-UNANSWERED_MAX);
    const closed = Promise.all(waiting.map((res) => once(res, 'close')));
    for (const res of waiting) res.end('answered');
    await closed;
  }
  socket.end();
  expect((await text(socket)).split('answered')).toHaveLength(3 * UNANSWERED_MAX + 1);
  expect(excess).toEqual([]);
});

test('every response closes with its socket, also one that waits behind others', async () => {
  const { responses, connectHere } = await open();
  const socket = connectHere();
  socket.write(REQUEST.repeat(3));
  await arrived(responses, 3);
  let closeCount = 0;
  const closed = Promise.all(
    responses.map(async (res) => {
      res.on('close', () => (closeCount += 1));
      await once(res, 'close');
    }),
  );
  socket.destroy();
  await closed;
  await setImmediate();
  expect(closeCount).toBe(3);
  expect(responses.every((res) => res.closed && res.destroyed)).toBe(true);
});

test('an address may have so many connections, and another one when one is closed', async () => {
  const { responses, excess, connectHere } = await open({ connectionsMax: 3 });
  const sockets = [connectHere(), connectHere(), connectHere()];
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  await once(connectHere(), 'close');
  expect(excess).toEqual(['connections of 127.0.0.1']);
  sockets[0]!.destroy();
  await eventually(async () => {
    const socket = connectHere().on('error', () => undefined);
    socket.write(REQUEST);
    await setImmediate();
    return responses.length;
  }).toBeGreaterThan(0);
});

test.each([['127.0.0.1'], ['127.0.0.0/8'], ['::ffff:127.0.0.1']])(
  'the connections of the proxy %s are not counted',
  async (proxy) => {
    const { responses, excess, connectHere } = await open({ connectionsMax: 1, proxies: [proxy] });
    for (let count = 0; count < 5; count++) connectHere().write(REQUEST);
    await arrived(responses, 5);
    expect(excess).toEqual([]);
  },
);
