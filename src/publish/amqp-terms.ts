/** What the publisher says to amqplib, and what it says about its failures. */
import { IllegalOperationError, type Options } from 'amqplib';
import { RejectedError, TransientError, type PulseError } from '../core/errors.ts';
import type { Publication } from '../contract/publication.ts';

/** The properties of a publication as amqplib wants them; always persistent and mandatory. */
export function toOptions(publication: Publication): Options.Publish {
  const { messageId, timestampSec, headers, contentType } = publication;
  const { contentEncoding, correlationId, replyTo, type, appId } = publication;
  // amqplib leaves out what is undefined; its types do not say so.
  return {
    persistent: true,
    mandatory: true,
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

/** It may have been published or not. */
export function unconfirmed(message: string, cause?: unknown): TransientError {
  return new TransientError('PULSE_PUBLISH_UNCONFIRMED', message, { cause });
}

/** The broker sent it back: no queue is bound to its address. */
export function unroutable({ exchange, routingKey }: Publication): TransientError {
  return new TransientError(
    'PULSE_PUBLISH_UNROUTABLE',
    `No queue takes what is published to exchange "${exchange}" with routing key "${routingKey}".`,
  );
}

/** The broker reads no publications. */
export function blockedTooLong(): TransientError {
  return new TransientError(
    'PULSE_RABBIT_BLOCKED',
    'RabbitMQ accepts no publications: it is short of memory or disk.',
  );
}

/** What amqplib throws at once: the channel has just ended, or a property has no encoding. */
export function unsendable(error: unknown): PulseError {
  if (error instanceof IllegalOperationError) return unconfirmed('The channel has closed.', error);
  return new RejectedError('PULSE_PUBLISH_INVALID', 'A property cannot be sent.', { cause: error });
}
