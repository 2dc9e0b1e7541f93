/** `order.enriched` → the order is `completed`, and everyone is told. */
import { defineHandler, ImpossibleError, type MessageHandler } from '../messaging/handler.ts';
import { failOrder } from './fail-order.ts';
import { mayBeChangedBy } from './orders.ts';
import { changeState, lockOrder } from './orders-query.ts';
import { orderMessage, orderQueues, parseOrderMessage } from './orders-queues.ts';
import { takeUpAgain } from './take-up-again.ts';

export function completeOrder(prefix: string): MessageHandler {
  return defineHandler({
    binding: orderQueues(prefix).completion,
    parse: parseOrderMessage,
    async apply({ client, publish }, { body: { orderId } }, { message }) {
      const order = await lockOrder(client, orderId);
      if (order?.isEnriched !== true) {
        const detail = `There is no enriched order ${orderId}.`;
        throw new ImpossibleError({ code: 'unknown_order', detail });
      }
      if (!mayBeChangedBy(message, order.status)) return;
      if (order.status === 'failed') await takeUpAgain(client, order);
      const processing = { id: orderId, status: 'processing' } as const;
      await changeState(client, processing, { to: 'completed', reason: 'completed' });
      const { customerId, currency, totalAmount } = order;
      await publish(
        orderMessage(prefix, 'completed', {
          orderId,
          more: { customer_id: customerId, currency, total_amount: totalAmount },
        }),
      );
    },
    abandon: failOrder(prefix, ({ isEnriched }) => isEnriched),
  });
}
