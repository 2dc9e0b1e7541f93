/** Publishing in a span, and telling whoever consumes it which one. Used only when traces are on. */
import { SpanKind, type Attributes } from '@opentelemetry/api';
import type { Publication } from '../contract/publication.ts';
import { TRACEPARENT } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';
import type { Publisher } from './publisher.ts';

/** The same as `publish`, with one span for each publication. */
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

/** What OpenTelemetry's conventions say of a span that publishes. */
export function publishAttributes(exchange: string): Attributes {
  return {
    'messaging.system': 'rabbitmq',
    'messaging.operation.type': 'send',
    'messaging.destination.name': exchange,
  };
}

/** Replaces a traceparent that it carries already: that of a replayed pulse names its first journey. */
function withTraceparent(publication: Publication, tracing: Tracing): Publication {
  const traceparent = tracing.traceparent();
  if (traceparent === undefined) return publication;
  return { ...publication, headers: { ...publication.headers, [TRACEPARENT]: traceparent } };
}
