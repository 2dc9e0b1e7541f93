/** A message that cannot be handled, on its way to the quarantine of all queues. */
import { toDeadLetterPublication } from '../contract/dead-letter.ts';
import type { Publication } from '../contract/publication.ts';
import { TRACEPARENT } from '../core/trace-context.ts';
import type { HandlerFailure } from './handler.ts';
import { REPLAY_HEADER, type ReceivedMessage } from './message.ts';

/** Why a message is given up. */
export type GiveUpReason = 'message_impossible' | 'attempts_exhausted';

/** Whatever attempt brought it, the dead letter holds the body as it was sent. */
export function toDeadLetter(
  deadExchange: string,
  message: ReceivedMessage,
  { reason, failure }: { readonly reason: GiveUpReason; readonly failure: HandlerFailure },
): Publication {
  const { id, replayId, body, exchange, routingKey, correlationId, traceparent } = message;
  return toDeadLetterPublication(deadExchange, {
    rejection: { reason, detail: `${failure.code}: ${failure.detail}` },
    delivery: {
      fields: { exchange, routingKey, redelivered: message.attempt > 1 },
      properties: {
        messageId: id,
        correlationId,
        headers: {
          ...(replayId === undefined ? {} : { [REPLAY_HEADER]: replayId }),
          ...(traceparent === undefined ? {} : { [TRACEPARENT]: traceparent }),
        },
      },
    },
    body,
    queue: message.queue,
  });
}
