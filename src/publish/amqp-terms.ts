/** The publisher's properties for amqplib, and its errors. */
import { IllegalOperationError, type Options } from 'amqplib';
import {
  RejectedError,
  TransientError,
  UndeliverableError,
  type PulseError,
} from '../core/errors.ts';
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
export function unroutable({ exchange, routingKey }: Publication): UndeliverableError {
  return new UndeliverableError(
    'PULSE_PUBLISH_UNROUTABLE',
    `No queue is bound to exchange "${exchange}" with routing key "${routingKey}".`,
  );
}

/** The broker has refused it: a queue has its greatest length, or no leader. One of several may have stored it. */
export function refused({ exchange, routingKey }: Publication, cause: unknown): UndeliverableError {
  return new UndeliverableError(
    'PULSE_PUBLISH_REFUSED',
    `RabbitMQ refused a message for exchange "${exchange}" with routing key "${routingKey}": is its queue full?`,
    { cause },
  );
}

/** The broker has closed the channel: there is no such exchange. */
export function noExchange({ exchange }: Publication, cause?: unknown): UndeliverableError {
  const message = `RabbitMQ has no exchange "${exchange}". A restart of Pulse declares it again.`;
  return new UndeliverableError('PULSE_PUBLISH_NO_EXCHANGE', message, { cause });
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
