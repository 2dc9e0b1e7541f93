/** The exchange and queues of orders in the AsyncAPI document. */
import { Type } from 'typebox';
import {
  durableOperation,
  exchangeBinding,
  RABBIT_USER,
  ref,
  type QueueDescription,
} from '../http/queue-description.ts';
import { uuid } from '../http/schema-terms.ts';
import { ORDER_MESSAGES, orderQueues, type OrderMessage } from './orders-queues.ts';

const ORDER_ID = { order_id: uuid('The id of the order.') };
const OrderMessageBody = Type.Object(ORDER_ID, { title: 'OrderMessage' });
const OrderCompletedBody = Type.Object(
  {
    ...ORDER_ID,
    customer_id: Type.String(),
    currency: Type.String(),
    total_amount: Type.String({ description: 'An exact decimal.' }),
  },
  { title: 'OrderCompleted' },
);
const OrderFailedBody = Type.Object(
  { ...ORDER_ID, customer_id: Type.String(), code: Type.String(), detail: Type.String() },
  { title: 'OrderFailed' },
);

const SUMMARIES: Readonly<Record<OrderMessage, string>> = {
  created: 'An order was accepted.',
  enrichmentRequested: 'An order is to be priced and checked.',
  enriched: 'An order is priced and checked.',
  completed: 'An order is completed.',
  failed: 'An order has failed, with the reason.',
};

const TO_LISTEN =
  'To listen, bind a queue of your own: its user needs the permissions `configure`, `write` and `read` on that ' +
  'queue and `read` on the exchange. Each message arrives at least once: a copy has the same `message_id`. ' +
  '`correlation_id` is the id of the request that created the order. Retries and replays go straight to the ' +
  'queue that Pulse consumes.';

/** @param prefix The configured MESSAGE_PREFIX. */
export function describeOrderQueues(prefix: string): QueueDescription {
  const { exchange } = orderQueues(prefix).processing;
  const queues = Object.values(orderQueues(prefix));
  const queueOf = (name: OrderMessage) =>
    queues.find(({ routingKey }) => routingKey === ORDER_MESSAGES[name])?.queue;
  const names = Object.keys(ORDER_MESSAGES) as OrderMessage[];
  const of = <Value>(value: (name: OrderMessage) => Value) =>
    Object.fromEntries(names.map((name) => [`order_${name}`, value(name)]));
  return {
    channels: of((name) => ({
      address: ORDER_MESSAGES[name],
      title: ORDER_MESSAGES[name],
      description: `Topic exchange \`${exchange}\`. ${describeConsumer(queueOf(name))} ${TO_LISTEN}`,
      messages: { [`order_${name}`]: ref(`components/messages/order_${name}`) },
      bindings: exchangeBinding(exchange, 'topic'),
    })),
    operations: of((name) => ({
      action: 'send',
      channel: ref(`channels/order_${name}`),
      security: [RABBIT_USER],
      title: ORDER_MESSAGES[name],
      summary: SUMMARIES[name],
      messages: [ref(`channels/order_${name}/messages/order_${name}`)],
      // Without a queue of ours, it may be that nobody listens, and the message is dropped.
      bindings: durableOperation({ mandatory: queueOf(name) !== undefined }),
    })),
    messages: of((name) => ({
      name: `order_${name}`,
      title: ORDER_MESSAGES[name],
      summary: SUMMARIES[name],
      contentType: 'application/json',
      payload: ref(`components/schemas/${bodyOf(name).title}`),
    })),
    schemas: {
      OrderMessage: OrderMessageBody,
      OrderCompleted: OrderCompletedBody,
      OrderFailed: OrderFailedBody,
    },
  };
}

function bodyOf(name: OrderMessage): { readonly title: string } {
  if (name === 'completed') return { title: 'OrderCompleted' };
  return { title: name === 'failed' ? 'OrderFailed' : 'OrderMessage' };
}

function describeConsumer(queue: string | undefined): string {
  if (queue !== undefined) return `Pulse consumes this message from the quorum queue \`${queue}\`.`;
  return 'Pulse does not consume this message; it is dropped while no queue is bound.';
}
