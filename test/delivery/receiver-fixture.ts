/** Receivers of webhooks on this machine, well-behaved and hostile, and a sender that may reach them. */
import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';
import { createAddressGuard, type AddressGuardOptions } from '../../src/delivery/address-guard.ts';
import {
  createWebhookSender,
  type Webhook,
  type WebhookSenderOptions,
} from '../../src/delivery/send-webhook.ts';

export const BODY = Buffer.from('{"type":"order.completed"}');

export function createSender({
  guard: guardOptions,
  ...options
}: Partial<Omit<WebhookSenderOptions, 'guard'>> & {
  guard?: Partial<AddressGuardOptions>;
} = {}) {
  const guard = createAddressGuard({ allowPrivate: true, allowedRanges: [], ...guardOptions });
  const sender = createWebhookSender({ guard, userAgent: 'Pulse/test', ...options });
  onTestFinished(() => sender.close());
  const send = (url: string, webhook: Partial<Webhook> = {}) =>
    sender.send({ url, headers: { 'content-type': 'application/json' }, body: BODY, ...webhook });
  return { send, close: () => sender.close() };
}

/** An HTTP server. */
export async function startReceiver(listener: RequestListener) {
  const server = createHttpServer(listener);
  let connectionCount = 0;
  server.on('connection', () => connectionCount++);
  const url = await listen(server);
  return { url, connectionCount: () => connectionCount };
}

/**
 * A server that answers as `answer` does, once the request begins to arrive. `closed` resolves when a connection
 * has been closed.
 */
export async function startRawReceiver(answer: (socket: Socket) => void) {
  const onClosed = deferred<unknown>();
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      answer(socket);
    });
    socket.on('close', onClosed.resolve);
  });
  return { url: await listen(server), closed: onClosed.promise };
}

/** A promise, and what resolves it. */
export function deferred<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}

/** Repeats `write` until the connection is closed. */
export function drip(socket: Socket, write: () => void): void {
  const timer = setInterval(write, 5);
  socket.on('close', () => {
    clearInterval(timer);
  });
}

export async function listen(server: Server, close = closeServer): Promise<string> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => close(server, sockets));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  for (const socket of sockets) socket.destroy();
  server.close();
  await once(server, 'close');
}

/** A server that never accepts: the system completes a few connections for it, and no more. */
export async function startStuckReceiver(): Promise<string> {
  const worker = new Worker(STUCK_SERVER, { eval: true });
  onTestFinished(async () => {
    await worker.terminate();
  });
  const [port] = (await once(worker, 'message')) as [number];
  return `http://127.0.0.1:${port}`;
}

const STUCK_SERVER = `
const { parentPort } = require('node:worker_threads');
const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;
