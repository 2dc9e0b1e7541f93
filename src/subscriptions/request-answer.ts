/** What the handlers of requests have in common. */
import {
  defineHandler,
  ImpossibleError,
  type HandlerTransaction,
  type MessageHandler,
} from '../messaging/handler.ts';
import type { ReceivedMessage } from '../messaging/message.ts';
import type { QueueBinding } from '../messaging/queues.ts';
import { changeSubscription } from './change-subscription.ts';
import { parseChange } from './subscriptions-queues.ts';
import { toSubscriptionJson, type ChangeRequest, type ChangeResult } from './subscriptions.ts';

/**
 * Answers with the subscription, or with why the change is refused.
 *
 * @throws ImpossibleError It is refused, and the message names no address for an answer: whoever sent it finds it in
 * the quarantine.
 */
export function answerRequest(
  { reply }: Pick<HandlerTransaction, 'reply'>,
  { replyTo }: Pick<ReceivedMessage, 'replyTo'>,
  result: ChangeResult,
): void {
  if (result.ok) reply({ ok: true, subscription: toSubscriptionJson(result.subscription) });
  else if (replyTo === undefined) throw new ImpossibleError(result.refusal);
  else reply({ ok: false, ...result.refusal });
}

/** The handler of cancellations, or of restarts. */
export function changeOnRequest(
  prefix: string,
  binding: QueueBinding,
  kind: ChangeRequest['kind'],
): MessageHandler {
  return defineHandler({
    binding,
    parse: parseChange,
    async apply(transaction, { body: { request, origin } }, { message }) {
      const result = await changeSubscription(
        { ...transaction, prefix },
        { ...request, kind },
        origin,
      );
      answerRequest(transaction, message, result);
    },
  });
}
