/** A publisher behind a proxy, and the queue it fills, for the tests of the publisher. */
import type { Channel, ChannelModel } from 'amqplib';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import type { PulseError } from '../../src/core/errors.ts';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import { declareTopology } from '../../src/platform/topology.ts';
import type { PublisherOptions } from '../../src/publish/publisher-options.ts';
import { createPublisher, type Publisher } from '../../src/publish/publisher.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

export interface PublisherFixture {
  services: IsolatedServices;
  connection: ChannelModel;
  channel: Channel;
  /** New for every test; its queue is empty. */
  proxy: TcpProxy;
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function usePublisherFixture() {
  const fixture = {} as PublisherFixture;
  const publishers: Publisher[] = [];

  beforeAll(async () => {
    fixture.services = await isolatedServices();
    const { rabbitmqUrl, queue } = fixture.services;
    fixture.connection = await openRabbitConnection(rabbitmqUrl, { name: 'test' });
    await declareTopology(fixture.connection, queue);
    fixture.channel = await fixture.connection.createChannel();
  });
  afterAll(async () => {
    await closeRabbitConnection(fixture.connection);
    await fixture.services.close();
  });
  beforeEach(async () => {
    fixture.proxy = await startTcpProxy(fixture.services.rabbitmqUrl);
    await fixture.channel.purgeQueue(fixture.services.queue);
  });
  afterEach(async () => {
    await Promise.all(publishers.splice(0).map((publisher) => publisher.close(100)));
    await fixture.proxy.close();
  });

  return {
    fixture,
    /** A publisher through the proxy, closed after the test. */
    create: (options: Partial<PublisherOptions> = {}): Publisher => {
      const logger = pino({ level: 'silent' });
      const publisher = createPublisher({ url: fixture.proxy.url, logger, ...options });
      publishers.push(publisher);
      return publisher;
    },
    pulse: (body: string, messageId?: string) => {
      const { queue } = fixture.services;
      return { exchange: queue, routingKey: queue, body: Buffer.from(body), messageId };
    },
    /** A queue that refuses everything, until it is deleted. */
    createFullQueue: async (): Promise<string> => {
      const queue = `${fixture.services.queue}.full`;
      const limits = { 'x-overflow': 'reject-publish', 'x-max-length': 1 };
      const connection = await openRabbitConnection(fixture.services.rabbitmqUrl, { name: 'test' });
      const channel = await connection.createConfirmChannel();
      await channel.assertQueue(queue, { arguments: { 'x-queue-type': 'quorum', ...limits } });
      // It takes a few more before it says that it is full.
      for (let isFull = false; !isFull;) {
        isFull = await new Promise<boolean>((resolve) => {
          channel.sendToQueue(queue, Buffer.from('{}'), {}, (error: unknown) => {
            resolve(error !== null);
          });
        });
      }
      await closeRabbitConnection(connection);
      return queue;
    },
    takeAll: async (): Promise<{ id: unknown; body: string }[]> => {
      const taken: { id: unknown; body: string }[] = [];
      for (;;) {
        const delivery = await fixture.channel.get(fixture.services.queue, { noAck: true });
        if (delivery === false) return taken;
        taken.push({
          id: delivery.properties.messageId as unknown,
          body: delivery.content.toString(),
        });
      }
    },
  };
}

/** `confirmed`, or the code of the error. */
export async function outcomeOf(publishing: Promise<void>): Promise<string> {
  return publishing.then(
    () => 'confirmed',
    (error: unknown) => (error as PulseError).code,
  );
}
