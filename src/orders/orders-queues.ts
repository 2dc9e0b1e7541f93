/** The exchange and queues of orders, and the messages on them. */
import { ImpossibleError } from '../messaging/handler.ts';
import type { OutgoingMessage } from '../messaging/message.ts';
import type { QueueBinding } from '../messaging/queues.ts';

const EXCHANGE = 'orders';

/** Messages about orders, by routing key. All carry `{"order_id": …}`; some carry more. */
export const ORDER_MESSAGES = {
  created: 'order.created',
  enrichmentRequested: 'order.enrichment.requested',
  enriched: 'order.enriched',
  completed: 'order.completed',
  failed: 'order.failed',
} as const;

export type OrderMessage = keyof typeof ORDER_MESSAGES;

/** No handler of ours waits for it. */
const ANNOUNCEMENT: OrderMessage = 'failed';

/** @param prefix Of every name, so that several installations may share one virtual host. */
export function orderQueues(prefix: string) {
  const binding = (queue: string, message: OrderMessage): QueueBinding => ({
    exchange: prefix + EXCHANGE,
    type: 'topic',
    queue: prefix + queue,
    routingKey: ORDER_MESSAGES[message],
  });
  return {
    processing: binding('orders.processing', 'created'),
    enrichment: binding('orders.enrichment', 'enrichmentRequested'),
    completion: binding('orders.completion', 'enriched'),
    /** For whoever sells subscriptions. */
    subscriptions: binding('orders.subscriptions', 'completed'),
  };
}

/** @param more Members beside `order_id`. */
export function orderMessage(
  prefix: string,
  message: OrderMessage,
  { orderId, more = {} }: { readonly orderId: string; readonly more?: object },
): OutgoingMessage {
  return {
    exchange: prefix + EXCHANGE,
    routingKey: ORDER_MESSAGES[message],
    ...(message === ANNOUNCEMENT ? { isAnnouncement: true } : {}),
    body: { order_id: orderId, ...more },
  };
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** @throws ImpossibleError The body names no order. */
export function parseOrderMessage(body: unknown): { readonly orderId: string } {
  const orderId = (body as { order_id?: unknown } | null)?.order_id;
  if (typeof orderId === 'string' && UUID.test(orderId)) return { orderId };
  throw new ImpossibleError({
    code: 'invalid_message',
    detail: 'The body must be {"order_id": "<uuid>"}.',
  });
}
