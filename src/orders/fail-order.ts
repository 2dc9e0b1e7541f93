/** What every handler of orders does with an order whose message is given up. */
import type { HandlerContext, HandlerFailure, HandlerTransaction } from '../messaging/handler.ts';
import { mayBeChangedBy, type OrderHead } from './orders.ts';
import { changeState, lockOrder } from './orders-query.ts';
import { orderMessage } from './orders-queues.ts';
import { isHistoryFull, takeUpAgain } from './take-up-again.ts';

/**
 * Marks the order as failed and says so to everyone, unless it is completed. An order that a replay has taken up fails
 * again, so that it shows the newest reason, unless its history is full.
 *
 * @param concerns Whether the message can be about an order in this state; a stray one must not fail it.
 */
export function failOrder(prefix: string, concerns: (order: OrderHead) => boolean = () => true) {
  return async (
    { client, publish }: HandlerTransaction,
    { body: { orderId }, failure }: { body: { orderId: string }; failure: HandlerFailure },
    { message }: HandlerContext,
  ): Promise<void> => {
    let order = await lockOrder(client, orderId);
    if (order === undefined || !concerns(order) || !mayBeChangedBy(message, order.status)) return;
    if (order.status === 'failed') {
      if (isHistoryFull(order)) return;
      await takeUpAgain(client, order);
      order = { ...order, status: 'processing' };
    }
    const { code, detail } = failure;
    await changeState(client, order, { to: 'failed', reason: code, detail });
    const more = { customer_id: order.customerId, code, detail };
    await publish(orderMessage(prefix, 'failed', { orderId, more }));
  };
}
