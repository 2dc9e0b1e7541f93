/** What every handler of orders does with an order whose message is given up. */
import type { HandlerFailure, HandlerTransaction } from '../messaging/handler.ts';
import { mayBecome } from './orders.ts';
import { changeState, lockOrder } from './orders-query.ts';
import { orderMessage } from './orders-queues.ts';

/** Marks the order as failed and says so to everyone, unless it is completed or has failed already. */
export function failOrder(prefix: string) {
  return async (
    { client, publish }: HandlerTransaction,
    { body: { orderId }, failure }: { body: { orderId: string }; failure: HandlerFailure },
  ): Promise<void> => {
    const order = await lockOrder(client, orderId);
    if (order === undefined || !mayBecome(order.status, 'failed')) return;
    const { code, detail } = failure;
    await changeState(client, order, { to: 'failed', reason: code, detail });
    await publish(orderMessage(prefix, 'failed', { orderId, more: { code, detail } }));
  };
}
