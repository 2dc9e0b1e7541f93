/** Publishes in a span, and sends the span's context to the consumer. */
import { SpanKind, type Attributes } from '@opentelemetry/api';
import type { Publication } from '../contract/publication.ts';
import { TRACEPARENT } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { Publisher } from './publisher.ts';

/** Returns `publish` with a span around each publication. */
export function tracePublish(
  publish: Publisher['publish'],
  tracing: Tracing,
): Publisher['publish'] {
  return (publication) =>
    tracing.span(
      `publish ${publication.exchange}`,
      { kind: SpanKind.PRODUCER, attributes: publishAttributes(publication.exchange) },
      () => publish(withTraceparent(publication, tracing)),
    );
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
