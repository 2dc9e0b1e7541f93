import type { Channel, ChannelModel, ConsumeMessage, Options } from 'amqplib';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createDeliveryFilter } from '../../src/platform/delivery-filter.ts';
import { DeliveryProperties } from '../../src/platform/delivery-properties.ts';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

let services: IsolatedServices;
let connection: ChannelModel;

beforeAll(async () => {
  services = await isolatedServices();
  connection = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
});
afterAll(async () => {
  await closeRabbitConnection(connection);
  await services.close();
});

const OPTIONS: readonly Options.Publish[] = [
  {},
  { contentType: 'application/json', persistent: true },
  { messageId: 'an-id', timestamp: 1_700_000_000, headers: { traceparent: '00-0af7-01' } },
  { headers: { list: [1, [2, { three: null }]], bytes: Buffer.from([0xff]), 'no value': null } },
  {
    priority: 3,
    correlationId: 'c',
    replyTo: 'r',
    expiration: '600000',
    type: 't',
    appId: 'Zürich',
  },
];
const BODY_BYTES = [0, 1, 300, 4_000, 131_064, 131_065, 400_000];

/** Every body with all kinds of properties, in an order that repeats. */
const MESSAGES = Array.from({ length: 700 }, (_, index) => ({
  body: Buffer.alloc(
    BODY_BYTES[index % 50 === 49 ? ((index / 50) % 7) | 0 : index % 4]!,
    `${index} `,
  ),
  options: OPTIONS[index % OPTIONS.length]!,
}));

/** Two queues that get the same messages. */
async function fillTwins(channel: Channel): Promise<string[]> {
  const exchange = `${services.queue}.twins`;
  await channel.assertExchange(exchange, 'fanout', { autoDelete: true });
  const queues = [`${exchange}.1`, `${exchange}.2`];
  for (const queue of queues) {
    await channel.assertQueue(queue, { exclusive: true });
    await channel.bindQueue(queue, exchange, '');
  }
  const confirms = await connection.createConfirmChannel();
  for (const { body, options } of MESSAGES) confirms.publish(exchange, 'a.key', body, options);
  await confirms.waitForConfirms();
  return queues;
}

const NAMES = [
  ...['contentType', 'headers', 'deliveryMode', 'priority', 'correlationId', 'replyTo'],
  ...['expiration', 'messageId', 'timestamp', 'type', 'appId'],
];

const readable = ({ fields, properties, content }: ConsumeMessage): unknown => {
  const given = properties as unknown as Record<string, unknown>;
  return {
    fields: { ...fields, consumerTag: undefined },
    properties: NAMES.map((name) => given[name]),
    content: content.toString('latin1'),
  };
};

test('RabbitMQ’s deliveries are the same with and without the filter, and are acknowledged', async () => {
  const filler = await connection.createChannel();
  const [plainQueue = '', cutQueue = ''] = await fillTwins(filler);
  // On the same connection, because the queues are exclusive to it. The filter cuts only what is its own.
  const filter = createDeliveryFilter(connection);
  const seen: Record<'plain' | 'cut', ConsumeMessage[]> = { plain: [], cut: [] };
  const consume = async (kind: keyof typeof seen, queue: string): Promise<Channel> => {
    const channel = await connection.createChannel();
    await channel.prefetch(100);
    const follow = kind === 'cut' ? filter.watch(channel) : undefined;
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message === null) return;
      seen[kind].push(message);
      if (seen[kind].length % 50 === 0) channel.ack(message, true);
    });
    follow?.(consumerTag);
    return channel;
  };
  const channels = [await consume('cut', cutQueue), await consume('plain', plainQueue)];
  onTestFinished(async () => {
    await Promise.all(channels.map((channel) => channel.close()));
  });
  await eventually(() => [seen.cut.length, seen.plain.length]).toEqual([700, 700]);
  expect(seen.cut.map(readable)).toEqual(seen.plain.map(readable));
  for (const queue of [plainQueue, cutQueue]) {
    expect((await filler.checkQueue(queue)).messageCount).toBe(0);
  }
  const cutCount = seen.cut.filter(({ properties }) => properties instanceof DeliveryProperties);
  expect(cutCount.length).toBeGreaterThan(500);
  expect(seen.plain.some(({ properties }) => properties instanceof DeliveryProperties)).toBe(false);
});
