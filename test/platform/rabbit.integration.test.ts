import type { Writable } from 'node:stream';
import type { ConsumeMessage } from 'amqplib';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { FatalError } from '../../src/core/errors.ts';
import {
  closeChannel,
  closeRabbitConnection,
  openRabbitConnection,
  waitForRabbit,
} from '../../src/platform/rabbit-connection.ts';
import { startRabbitSession, type RabbitLink } from '../../src/platform/rabbit.ts';
import { freePort } from '../../src/private-servers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import {
  BLOCKED_FRAME,
  messageFrames,
  nestedTable,
  publishFrame,
  UNBLOCKED_FRAME,
} from '../support/amqp-codec.ts';
import { UNREADABLE_HEADERS } from '../../src/platform/header-guard.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const logger = pino({ level: 'silent' });
const backoff = { baseMs: 10, capMs: 50 };
let services: IsolatedServices;

beforeAll(async () => {
  services = await isolatedServices();
});
afterAll(async () => {
  await services.close();
});

function changedUrl(change: (url: URL) => void): string {
  const url = new URL(services.rabbitmqUrl);
  change(url);
  return url.href;
}

describe('openRabbitConnection', () => {
  test('finds the only host that answers, wherever it is in the list', async () => {
    const { href, host } = new URL(services.rabbitmqUrl);
    const closed = [await freePort(), await freePort(), await freePort()];
    const hosts = [...closed.slice(0, 2).map(toHost), host, ...closed.slice(2).map(toHost)];
    const url = href.replace(host, hosts.join(','));
    for (let attempt = 0; attempt < 5; attempt++) {
      const connection = await openRabbitConnection(url, { name: 'test' });
      await closeRabbitConnection(connection);
    }
  });
});

const toHost = (port: number): string => `127.0.0.1:${port}`;

describe('closeChannel', () => {
  test('resolves when the connection is lost before the broker answers', async () => {
    const proxy = await startTcpProxy(services.rabbitmqUrl);
    onTestFinished(() => proxy.close());
    const connection = await openRabbitConnection(proxy.url, { name: 'test' });
    const channel = await connection.createChannel();
    proxy.stall();
    const closing = closeChannel(channel);
    proxy.cut();
    await closing;
    await expect(closeChannel(channel)).rejects.toThrow('Channel closed');
  });
});

test('a message with headers nested 9,000 deep arrives without them, and the connection stays open', async () => {
  const sender = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
  const receiver = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
  onTestFinished(async () => {
    await Promise.all([sender, receiver].map(closeRabbitConnection));
  });
  const channel = await receiver.createChannel();
  const { queue } = await channel.assertQueue('', { exclusive: true });
  const arrived = new Promise<ConsumeMessage[]>((resolve) => {
    const messages: ConsumeMessage[] = [];
    void channel.consume(queue, (message) => {
      if (message !== null && messages.push(message) === 2) resolve(messages);
    });
  });
  const sending = await sender.createChannel();
  const { stream } = sender.connection as unknown as { stream: Writable };
  stream.write(publishFrame(queue));
  stream.write(messageFrames({ table: nestedTable(9_000, 'A'), body: 'deep' }));
  sending.sendToQueue(queue, Buffer.from('next'));
  const [deep, next] = await arrived;
  expect(deep?.content.toString()).toBe('deep');
  expect(deep?.properties.headers).toEqual({ [UNREADABLE_HEADERS]: true });
  expect(next?.content.toString()).toBe('next');
});

describe('closeRabbitConnection', () => {
  test('leaves no heartbeat timer when the broker does not answer', async () => {
    const proxy = await startTcpProxy(services.rabbitmqUrl);
    onTestFinished(() => proxy.close());
    const connection = await openRabbitConnection(proxy.url, { name: 'test' });
    const ended = new Promise<void>((resolve) =>
      connection.once('close', () => {
        resolve();
      }),
    );
    proxy.stallOpen();
    await closeRabbitConnection(connection);
    await ended;
  }, 15_000);
});

describe('waitForRabbit', () => {
  test('returns when the broker accepts the connection', async () => {
    await waitForRabbit(services.rabbitmqUrl, { timeoutMs: 5_000, logger });
  });

  test('fails at once, without showing the password, when the user is refused', async () => {
    const url = changedUrl((changed) => {
      changed.username = 'nobody';
      changed.password = 's3cret';
    });
    const failure = await waitForRabbit(url, { timeoutMs: 60_000, logger }).catch(
      (error: unknown) => error as FatalError,
    );
    expect(failure).toBeInstanceOf(FatalError);
    expect(failure?.message).toMatch(/^RABBITMQ_URL: .* refuses user "nobody" or its password\.$/);
    expect(failure?.message).not.toContain('s3cret');
  });

  test('fails at once when the virtual host is refused', async () => {
    const url = changedUrl((changed) => {
      changed.pathname = '/no%20such';
    });
    await expect(waitForRabbit(url, { timeoutMs: 60_000, logger })).rejects.toThrow(
      'refuses virtual host "no such"',
    );
  });
});

describe('startRabbitSession', () => {
  test('keeps the link when its owner closes a channel through it, and loses it when the broker closes one', async () => {
    const links: RabbitLink[] = [];
    const session = startRabbitSession({
      url: services.rabbitmqUrl,
      name: 'test',
      logger,
      backoff,
      setup: async (link) => {
        await link.createChannel();
        links.push(link);
      },
    });
    await session.ready;
    const [link] = links;
    await link!.closeChannel(await link!.createChannel());
    expect(link!.alive).toBe(true);
    const other = await link!.createChannel();
    await other.checkQueue('there is no such queue').catch(() => undefined);
    await eventually(() => link!.alive).toBe(false);
    await session.close();
  });

  test('recovers after the connection was cut', async () => {
    const proxy = await startTcpProxy(services.rabbitmqUrl);
    const generations: number[] = [];
    const session = startRabbitSession({
      url: proxy.url,
      name: 'test',
      logger,
      backoff,
      setup: async (link) => {
        await link.createChannel();
        generations.push(link.generation);
      },
    });
    await session.ready;
    proxy.cut();
    await eventually(() => session.state).toBe('connecting');
    proxy.heal();
    await session.ready;
    expect(generations).toEqual([1, 2]);
    await session.close();
    await proxy.close();
  });

  test('reconnects when the broker closes only the channel', async () => {
    const links: RabbitLink[] = [];
    const session = startRabbitSession({
      url: services.rabbitmqUrl,
      name: 'test',
      logger,
      backoff,
      setup: async (link) => {
        const channel = await link.createChannel();
        links.push(link);
        // 404 on the first link: the exchange does not exist.
        if (links.length === 1) channel.publish('no.such.exchange', '', Buffer.from('x'));
      },
    });
    await eventually(() => links).toHaveLength(2);
    await session.ready;
    expect(links[0]?.alive).toBe(false);
    await session.close();
  });

  test('reports that the broker has stopped reading', async () => {
    const proxy = await startTcpProxy(services.rabbitmqUrl);
    const session = startRabbitSession({
      url: proxy.url,
      name: 'test',
      logger,
      setup: () => Promise.resolve(),
    });
    await session.ready;
    proxy.inject(BLOCKED_FRAME);
    await eventually(() => session.blocked).toBe(true);
    proxy.inject(UNBLOCKED_FRAME);
    await eventually(() => session.blocked).toBe(false);
    await session.close();
    await proxy.close();
  });

  test('closes within seconds even if the broker is silent', async () => {
    const proxy = await startTcpProxy(services.rabbitmqUrl);
    const session = startRabbitSession({
      url: proxy.url,
      name: 'test',
      logger,
      setup: async (link) => {
        await link.createChannel();
      },
    });
    await session.ready;
    proxy.stall();
    await session.close();
    expect(session.state).toBe('closed');
    await proxy.close();
  });
});
