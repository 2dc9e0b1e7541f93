/** The queues of every domain of the chain. */
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

/** The others, each once. */
export function consumedQueueNames(prefix: string): readonly string[] {
  const asked = askedQueueNames(prefix);
  return messageQueueNames(prefix).filter((name) => !asked.includes(name));
}

/** The names of all, each once. */
export function messageQueueNames(prefix: string): readonly string[] {
  return [...new Set(messageQueues(prefix).map(({ queue }) => queue))];
}
