/** The queues of every domain of the chain. */
import type { QueueBinding } from '../messaging/queues.ts';
import { orderQueues } from '../orders/orders-queues.ts';
import { subscriptionQueues } from '../subscriptions/subscriptions-queues.ts';

export function messageQueues(prefix: string): readonly QueueBinding[] {
  return [...Object.values(orderQueues(prefix)), ...Object.values(subscriptionQueues(prefix))];
}
