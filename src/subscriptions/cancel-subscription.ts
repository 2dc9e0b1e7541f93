/** A request on `CANCELED` → the subscription is canceled, now or at the instant that the request names. */
import type { MessageHandler } from '../messaging/handler.ts';
import { changeOnRequest } from './request-answer.ts';
import { subscriptionQueues } from './subscriptions-queues.ts';

export function cancelOnRequest(prefix: string): MessageHandler {
  return changeOnRequest(prefix, subscriptionQueues(prefix).canceled, 'canceled');
}
