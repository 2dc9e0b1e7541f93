/**
 * `order.created` → the order is `processing`, and its enrichment is requested.
 *
 * An order that is further already stays as it is: the message is an old copy.
 */
import { defineHandler, ImpossibleError, type MessageHandler } from '../messaging/handler.ts';
import { failOrder } from './fail-order.ts';
import { mayBeChangedBy } from './orders.ts';
import { changeState, lockOrder } from './orders-query.ts';
import { orderMessage, orderQueues, parseOrderMessage } from './orders-queues.ts';
import { takeUpAgain } from './take-up-again.ts';

export function processOrder(prefix: string): MessageHandler {
  return defineHandler({
    binding: orderQueues(prefix).processing,
    parse: parseOrderMessage,
    async apply({ client, publish }, { body: { orderId } }, { message }) {
      const order = await lockOrder(client, orderId);
      if (order === undefined) throw missing(orderId);
      if (order.status === 'processing' || !mayBeChangedBy(message, order.status)) return;
      if (order.status === 'failed') await takeUpAgain(client, order);
      else await changeState(client, order, { to: 'processing', reason: 'taken_up' });
      await publish(orderMessage(prefix, 'enrichmentRequested', { orderId }));
    },
    abandon: failOrder(prefix),
  });
}

function missing(orderId: string): ImpossibleError {
  const detail = `There is no order ${orderId}.`;
  return new ImpossibleError({ code: 'unknown_order', detail });
}
