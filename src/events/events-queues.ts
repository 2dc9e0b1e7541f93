/** The exchange and queues of events. */
import type { OutgoingMessage } from '../messaging/message.ts';
import type { QueueBinding } from '../messaging/queues.ts';
import { ORDER_MESSAGES, orderQueues } from '../orders/orders-queues.ts';
import { announcement, subscriptionQueues } from '../subscriptions/subscriptions-queues.ts';

const EXCHANGE = 'events';
const ROUTING_KEY = 'event';
/** The routing key of an announcement that a later domain makes for a client, after this prefix. */
const ANNOUNCED = 'announced.';

/** @param prefix Of every name, so that several installations may share one virtual host. */
export function eventQueues(prefix: string) {
  const binding = (routingKey: string, queue: string): QueueBinding => ({
    exchange: prefix + EXCHANGE,
    type: 'topic',
    queue: prefix + queue,
    routingKey,
  });
  return {
    /** What producers send. */
    events: binding(ROUTING_KEY, 'events'),
    /** What Pulse itself announces, from the exchanges of the domains. */
    announced: binding(`${ANNOUNCED}#`, 'events.announced'),
  };
}

/** Where the announcements of orders and subscriptions come from. */
export function announcementBindings(prefix: string): readonly QueueBinding[] {
  const { queue } = eventQueues(prefix).announced;
  const { exchange: orders } = orderQueues(prefix).processing;
  const { exchange: subscriptions } = subscriptionQueues(prefix).purchased;
  const kinds = ['purchased', 'canceled', 'restarted'] as const;
  return [
    ...[ORDER_MESSAGES.completed, ORDER_MESSAGES.failed].map((routingKey) => ({
      exchange: orders,
      type: 'topic' as const,
      queue,
      routingKey,
    })),
    ...kinds.map((kind) => ({
      exchange: subscriptions,
      type: 'direct' as const,
      queue,
      routingKey: announcement(prefix, kind, {}).routingKey,
    })),
  ];
}

/** An event of Pulse about a client, from a domain that has no exchange. @param type One of the built-in types. `id` is new by default. */
export function announcedEvent(
  prefix: string,
  type: string,
  { id, client, data }: { readonly id?: string; readonly client: string; readonly data: object },
): OutgoingMessage {
  return {
    exchange: prefix + EXCHANGE,
    routingKey: ANNOUNCED + type,
    ...(id === undefined ? {} : { id }),
    body: { client, ...data },
  };
}

/** The type that an announcement stands for. */
export function announcedType(routingKey: string): string {
  return routingKey.startsWith(ANNOUNCED) ? routingKey.slice(ANNOUNCED.length) : routingKey;
}
