/** The queues of every domain of the chain. */
import type { MessageRoutes } from '../doctor/check-messages.ts';
import { announcementBindings, eventQueues } from '../events/events-queues.ts';
import type { QueueBinding } from '../messaging/queues.ts';
import { orderQueues } from '../orders/orders-queues.ts';
import { subscriptionQueues } from '../subscriptions/subscriptions-queues.ts';
import { workflowQueues } from '../workflows/workflows-queues.ts';

export function messageQueues(prefix: string): readonly QueueBinding[] {
  return [
    ...Object.values(orderQueues(prefix)),
    ...Object.values(subscriptionQueues(prefix)),
    ...Object.values(eventQueues(prefix)),
    ...Object.values(workflowQueues(prefix)),
    ...announcementBindings(prefix),
  ];
}

/** Queues that nothing consumes: a message is taken from them when somebody asks for one. */
export function askedQueueNames(prefix: string): readonly string[] {
  return Object.values(workflowQueues(prefix)).map(({ queue }) => queue);
}

/** What must exist and be consumed, for messages to be handled. */
export function messageRoutes(prefix: string): MessageRoutes {
  const exchanges = new Set(messageQueues(prefix).map(({ exchange }) => exchange));
  const asked = askedQueueNames(prefix);
  const queues = messageQueueNames(prefix).filter((name) => !asked.includes(name));
  return { exchanges: [...exchanges], queues };
}

/** The names of all, each once. */
export function messageQueueNames(prefix: string): readonly string[] {
  return [...new Set(messageQueues(prefix).map(({ queue }) => queue))];
}
