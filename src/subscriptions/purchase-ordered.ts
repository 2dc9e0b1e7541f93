/**
 * `order.completed` → the customer has a subscription for each item whose product is recurring.
 *
 * The id of such a subscription is made from the order and the SKU, so a copy or a replay of the message finds it.
 */
import { findProducts } from '../catalog/catalog.ts';
import { defineHandler, ImpossibleError, type MessageHandler } from '../messaging/handler.ts';
import { lockOrder, readItems } from '../orders/orders-query.ts';
import { orderQueues, parseOrderMessage } from '../orders/orders-queues.ts';
import { purchaseSubscription } from './change-subscription.ts';
import { subscriptionOfItem } from './subscriptions-queues.ts';

export function purchaseOrdered(prefix: string): MessageHandler {
  return defineHandler({
    binding: orderQueues(prefix).subscriptions,
    parse: parseOrderMessage,
    async apply(transaction, { body: { orderId } }) {
      const { client } = transaction;
      const order = await lockOrder(client, orderId);
      if (order?.status !== 'completed') {
        const detail = `There is no completed order ${orderId}.`;
        throw new ImpossibleError({ code: 'unknown_order', detail });
      }
      const items = await readItems(client, orderId);
      const products = await findProducts(
        client,
        items.map(({ sku }) => sku),
      );
      for (const { sku } of items) {
        if (products.get(sku)?.recurring !== true) continue;
        const id = subscriptionOfItem(orderId, sku);
        const request = { id, userId: order.customerId, sku, orderId };
        const origin = { cause: 'order', changedBy: `order:${orderId}` } as const;
        const result = await purchaseSubscription({ ...transaction, prefix }, request, origin);
        if (!result.ok && result.refusal.code !== 'subscription_exists') {
          throw new ImpossibleError(result.refusal);
        }
      }
    },
  });
}
