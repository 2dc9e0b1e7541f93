/** Publishes in a span, and sends the span's context to the consumer. */
import { SpanKind, type Attributes } from '@opentelemetry/api';
import type { Publication } from '../contract/publication.ts';
import { parseTraceparent, TRACEPARENT } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { Publisher } from './publisher.ts';

/** Returns `publish` with a span around each publication. */
export function tracePublish(
  publish: Publisher['publish'],
  tracing: Tracing,
): Publisher['publish'] {
  return (publication) => {
    const destination = destinationOf(publication);
    return tracing.span(
      `publish ${destination}`,
      { kind: SpanKind.PRODUCER, attributes: publishAttributes(destination) },
      () => publish(withTraceparent(publication, tracing)),
    );
  };
}

/**
 * The same for publications that wait in the outbox: the parent is the span that wrote them, in their own
 * `traceparent`.
 */
export function traceRelayed(
  publish: Publisher['publish'],
  tracing: Tracing,
): Publisher['publish'] {
  return (publication) => {
    const { routingKey, messageId, correlationId, headers } = publication;
    const destination = destinationOf(publication);
    return tracing.span(
      `publish ${destination}`,
      {
        kind: SpanKind.PRODUCER,
        attributes: {
          ...publishAttributes(destination),
          ...messageAttributes({ messageId, correlationId }),
          'messaging.rabbitmq.destination.routing_key': routingKey,
        },
        parent: parseTraceparent(headers?.[TRACEPARENT]),
      },
      () => publish(withTraceparent(publication, tracing)),
    );
  };
}

/** The default exchange has no name, and takes the name of a queue as routing key. */
function destinationOf({ exchange, routingKey }: Publication): string {
  return exchange === '' ? routingKey : exchange;
}

/** What identifies a message, in the spans of its producer and its consumer. */
export function messageAttributes({
  messageId,
  correlationId,
}: Pick<Publication, 'messageId' | 'correlationId'>): Attributes {
  return {
    ...(messageId === undefined ? {} : { 'messaging.message.id': messageId }),
    ...(correlationId === undefined ? {} : { 'messaging.message.conversation_id': correlationId }),
  };
}

/** The attributes of a publishing span, by OpenTelemetry's conventions. */
export function publishAttributes(exchange: string): Attributes {
  return {
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'send',
    'messaging.destination.name': exchange,
  };
}

/** Replaces any traceparent in the publication: a replayed pulse has that of its first publication. */
function withTraceparent(publication: Publication, tracing: Tracing): Publication {
  const traceparent = tracing.traceparent();
  if (traceparent === undefined) return publication;
  return { ...publication, headers: { ...publication.headers, [TRACEPARENT]: traceparent } };
}
