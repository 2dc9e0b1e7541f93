/** The exchanges and queues of the chain: what a domain says about its own, and their declaration. */
import type { Channel, ChannelModel } from 'amqplib';
import { closeChannel, withRabbitConnection } from '../platform/rabbit-connection.ts';
import { toTopologyError } from '../platform/topology-error.ts';

/** A queue and the exchange that feeds it. */
export interface QueueBinding {
  readonly exchange: string;
  readonly type: 'topic' | 'direct';
  readonly queue: string;
  readonly routingKey: string;
}

/** Deliveries of a message that ends the process each time; after them the broker quarantines it. */
const DELIVERY_LIMIT = 20;

/**
 * Declares exchanges, queues and bindings; idempotent.
 *
 * @param deadExchange Where the broker puts what it gives up.
 * @throws FatalError PULSE_RABBIT_TOPOLOGY when one exists with other arguments, or this user may not
 * declare it; says which argument differs and what to do.
 */
export async function declareQueues(
  connection: ChannelModel,
  bindings: readonly QueueBinding[],
  deadExchange: string,
): Promise<void> {
  const channel = await connection.createChannel();
  // The declaration rejects with the same error; without a listener it would end the process.
  channel.on('error', () => undefined);
  try {
    for (const binding of bindings) await declareQueue(channel, binding, deadExchange);
  } catch (error) {
    throw toTopologyError(error, undefined);
  }
  await closeChannel(channel);
}

/** The same over a separate connection. */
export async function declareQueuesAt(
  url: string,
  bindings: readonly QueueBinding[],
  deadExchange: string,
): Promise<void> {
  await withRabbitConnection(url, { name: 'pulse message queues' }, (connection) =>
    declareQueues(connection, bindings, deadExchange),
  );
}

async function declareQueue(
  channel: Channel,
  { exchange, type, queue, routingKey }: QueueBinding,
  deadExchange: string,
): Promise<void> {
  await channel.assertExchange(exchange, type, { durable: true });
  await channel.assertQueue(queue, {
    durable: true,
    arguments: {
      'x-queue-type': 'quorum',
      'x-overflow': 'reject-publish',
      'x-dead-letter-exchange': deadExchange,
      'x-dead-letter-strategy': 'at-least-once',
      'x-delivery-limit': DELIVERY_LIMIT,
    },
  });
  await channel.bindQueue(queue, exchange, routingKey);
}
