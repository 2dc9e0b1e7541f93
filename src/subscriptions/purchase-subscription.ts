/** A request on `PURCHASED` → the subscription exists; the answer shows it. */
import { randomUUID } from 'node:crypto';
import { defineHandler, type MessageHandler } from '../messaging/handler.ts';
import { purchaseSubscription } from './change-subscription.ts';
import { answerRequest } from './request-answer.ts';
import { parsePurchase, subscriptionQueues } from './subscriptions-queues.ts';

export function purchaseOnRequest(prefix: string): MessageHandler {
  return defineHandler({
    binding: subscriptionQueues(prefix).purchased,
    parse: parsePurchase,
    async apply(transaction, { body: { request, origin } }, { message }) {
      const id = request.id ?? randomUUID();
      const result = await purchaseSubscription(
        { ...transaction, prefix },
        { ...request, id },
        origin,
      );
      answerRequest(transaction, message, result);
    },
  });
}
