/** A request on `RESTARTED` → the canceled subscription is active again. */
import type { MessageHandler } from '../messaging/handler.ts';
import { changeOnRequest } from './request-answer.ts';
import { subscriptionQueues } from './subscriptions-queues.ts';

export function restartOnRequest(prefix: string): MessageHandler {
  return changeOnRequest(prefix, subscriptionQueues(prefix).restarted, 'restarted');
}
