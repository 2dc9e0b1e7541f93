/** The publisher's properties for amqplib, and its errors. */
import { IllegalOperationError, type Options } from 'amqplib';
import { RejectedError, TransientError, type PulseError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';

/** The properties of a publication for amqplib; always persistent, and mandatory unless it says otherwise. */
export function toOptions(publication: Publication): Options.Publish {
  const { messageId, timestampSec, headers, contentType } = publication;
  const { contentEncoding, correlationId, replyTo, type, appId } = publication;
  // amqplib omits undefined properties, although its types do not allow them.
  return {
    persistent: true,
    mandatory: publication.mandatory !== false,
    messageId,
    timestamp: timestampSec,
    headers,
    contentType,
    contentEncoding,
    correlationId,
    replyTo,
    type,
    appId,
  } as Options.Publish;
}

/** It may or may not have been published. */
export function unconfirmed(message: string, cause?: unknown): TransientError {
  return new TransientError('PULSE_PUBLISH_UNCONFIRMED', message, { cause });
}

/** The broker returned it: no queue is bound to its address. */
export function unroutable({ exchange, routingKey }: Publication): TransientError {
  return new TransientError(
    'PULSE_PUBLISH_UNROUTABLE',
    `No queue is bound to exchange "${exchange}" with routing key "${routingKey}".`,
  );
}

/** The broker has blocked the connection. */
export function blockedTooLong(): TransientError {
  return new TransientError(
    'PULSE_RABBIT_BLOCKED',
    'RabbitMQ accepts no publications: it is low on memory or disk.',
  );
}

/** For what amqplib throws at once: the channel has just closed, or a property cannot be encoded. */
export function unsendable(error: unknown): PulseError {
  if (error instanceof IllegalOperationError) return unconfirmed('The channel has closed.', error);
  return new RejectedError('PULSE_PUBLISH_INVALID', 'A property cannot be sent.', { cause: error });
}
