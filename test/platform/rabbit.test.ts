import { EventEmitter, once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import type { ChannelModel } from 'amqplib';
import { pino } from 'pino';
import { describe, expect, test, vi } from 'vitest';
import { FatalError, TransientError } from '../../src/core/errors.ts';
import { openRabbitConnection, waitForRabbit } from '../../src/platform/rabbit-connection.ts';
import {
  startRabbitSession,
  type RabbitLink,
  type RabbitSession,
  type RabbitSessionOptions,
} from '../../src/platform/rabbit.ts';
import { eventually } from '../support/eventually.ts';

const logger = pino({ level: 'silent' });

class FakeChannel extends EventEmitter {
  readonly #calls: string[];
  constructor(calls: string[]) {
    super();
    this.#calls = calls;
  }
  close(): Promise<void> {
    this.#calls.push('channel closed');
    this.emit('close');
    return Promise.resolve();
  }
}

class FakeConnection extends EventEmitter {
  readonly calls: string[] = [];
  readonly channels: FakeChannel[] = [];
  readonly connection = {};
  createChannel(): Promise<FakeChannel> {
    const channel = new FakeChannel(this.calls);
    this.channels.push(channel);
    return Promise.resolve(channel);
  }
  close(): Promise<void> {
    this.calls.push('connection closed');
    this.emit('close');
    return Promise.resolve();
  }
}

function startFake(options: Partial<RabbitSessionOptions> = {}) {
  const connections: FakeConnection[] = [];
  const links: RabbitLink[] = [];
  const session: RabbitSession = startRabbitSession({
    url: 'amqp://127.0.0.1:1',
    name: 'test',
    logger,
    backoff: { baseMs: 1, capMs: 5 },
    open: () => {
      const connection = new FakeConnection();
      connections.push(connection);
      return Promise.resolve(connection as unknown as ChannelModel);
    },
    setup: async (link) => {
      links.push(link);
      await link.createChannel();
    },
    ...options,
  });
  return { session, connections, links };
}

describe('startRabbitSession', () => {
  test('reconnects, as a new generation, when the connection is lost', async () => {
    const onLost = vi.fn();
    const { session, connections, links } = startFake({ onLost });
    await session.ready;
    connections[0]!.emit('close', new Error('gone'));
    await eventually(() => links.map(({ generation }) => generation)).toEqual([1, 2]);
    await session.ready;
    expect(session.state).toBe('ready');
    expect(links.map(({ alive }) => alive)).toEqual([false, true]);
    expect(onLost).toHaveBeenCalledTimes(1);
    await session.close();
    expect(session.state).toBe('closed');
  });

  test('reconnects when the broker closes a channel', async () => {
    const { session, connections, links } = startFake();
    await session.ready;
    connections[0]!.channels[0]!.emit('error', new Error('404 no queue'));
    await eventually(() => links).toHaveLength(2);
    expect(connections[0]!.calls).toContain('connection closed');
    await session.close();
  });

  test('reconnects when its owner fails the link', async () => {
    const { session, links } = startFake();
    await session.ready;
    links[0]!.fail(new TransientError('PULSE_RABBIT_UNREACHABLE', 'cancelled'));
    await eventually(() => links).toHaveLength(2);
    await session.close();
  });

  test('retries while connecting or the set-up fails', async () => {
    let attempts = 0;
    const { session, connections } = startFake({
      setup: () => (attempts++ < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve()),
    });
    await session.ready;
    expect(connections).toHaveLength(4);
    await session.close();
  });

  test('replaces a connection that dies during its set-up', async () => {
    let calls = 0;
    const { session, connections } = startFake({
      setup: () => (calls++ === 0 ? new Promise(() => undefined) : Promise.resolve()),
    });
    await eventually(() => calls).toBe(1);
    connections[0]!.emit('error', new Error('reset'));
    await session.ready;
    expect(calls).toBe(2);
    await session.close();
  });

  test('fails on an error that a retry cannot fix', async () => {
    const onFatal = vi.fn();
    const error = new FatalError('PULSE_RABBIT_TOPOLOGY', 'other arguments');
    const { session } = startFake({ setup: () => Promise.reject(error), onFatal });
    await expect(session.ready).rejects.toBe(error);
    expect(session.state).toBe('failed');
    expect(onFatal).toHaveBeenCalledWith(error);
    await session.close();
  });

  test('closes channels before the connection, so that acknowledgements are not overtaken', async () => {
    const { session, connections } = startFake();
    await session.ready;
    await session.close();
    expect(connections).toHaveLength(1);
    expect(connections[0]!.calls).toEqual(['channel closed', 'connection closed']);
  });

  test('closes while waiting for the next attempt', async () => {
    const abort = new AbortController();
    const { session } = startFake({
      signal: abort.signal,
      backoff: { baseMs: 60_000, capMs: 60_000 },
      open: () => Promise.reject(new Error('refused')),
    });
    abort.abort();
    await session.close();
    expect(session.state).toBe('closed');
    await expect(session.ready).rejects.toMatchObject({ code: 'PULSE_RABBIT_UNREACHABLE' });
  });

  test('reports when the broker stops and resumes reading', async () => {
    const onBlockedChange = vi.fn();
    const { session, connections } = startFake({ onBlockedChange });
    await session.ready;
    connections[0]!.emit('blocked', 'memory');
    expect(session.blocked).toBe(true);
    connections[0]!.emit('unblocked');
    expect(onBlockedChange.mock.calls).toEqual([[true], [false]]);
    await session.close();
  });
});

describe('waitForRabbit', () => {
  test('gives up after the timeout, naming the variable and the server, not the password', async () => {
    const waiting = waitForRabbit('amqp://user:s3cret@127.0.0.1:1/v', { timeoutMs: 300, logger });
    await expect(waiting).rejects.toThrow(FatalError);
    await expect(waiting).rejects.toThrow(
      'RABBITMQ_URL: RabbitMQ at amqp://127.0.0.1:1/v does not answer (ECONNREFUSED).',
    );
  });

  test('ends early when aborted', async () => {
    const waiting = waitForRabbit('amqp://127.0.0.1:1', {
      timeoutMs: 60_000,
      logger,
      signal: AbortSignal.timeout(50),
    });
    await expect(waiting).rejects.toMatchObject({ code: 'PULSE_RABBIT_UNREACHABLE' });
  });
});

describe('openRabbitConnection', () => {
  test('aborts on a server that accepts but never answers', async () => {
    const silent = createServer();
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const abort = new AbortController();
    const accepted = new Promise((resolve) => silent.once('connection', resolve));
    const opening = openRabbitConnection(`amqp://127.0.0.1:${port}`, {
      name: 'test',
      signal: abort.signal,
    });
    await accepted;
    abort.abort();
    await expect(opening).rejects.toMatchObject({ name: 'AbortError' });
    await new Promise((resolve) => silent.close(resolve));
  });

  test('does not connect when aborted before', async () => {
    const server = createServer();
    const ports: (number | undefined)[] = [];
    server.on('connection', (socket) => ports.push(socket.remotePort));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const opening = openRabbitConnection(`amqp://127.0.0.1:${port}`, {
      name: 'test',
      signal: AbortSignal.abort(),
    });
    await expect(opening).rejects.toMatchObject({ name: 'AbortError' });
    // The server accepts connections in order, so a connection in progress would be the first.
    const later = connect(port, '127.0.0.1');
    await once(later, 'connect');
    await eventually(() => ports).toContain(later.localPort);
    expect(ports).toEqual([later.localPort]);
    later.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
});
