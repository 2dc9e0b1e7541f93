/** One span for every request, below the caller's if it sends a `traceparent`. Added only when traces are on. */
import { SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseTraceparent, TRACEPARENT } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';

/** Adds the hooks. Probes are not traced: they would be most of what there is to see. */
export function addRequestTracing(app: FastifyInstance, tracing: Tracing): void {
  const spans = new WeakMap<FastifyRequest, Span>();

  app.addHook('onRequest', (request, _reply, done) => {
    const route = request.routeOptions.url;
    if (route?.includes('/health/') !== true) {
      const span = tracing.start(`${request.method} ${route ?? 'unmatched'}`, {
        kind: SpanKind.SERVER,
        attributes: {
          'http.request.method': request.method,
          'http.route': route ?? 'unmatched',
          'pulse.request_id': request.id,
        },
        parent: parseTraceparent(request.headers[TRACEPARENT]),
      });
      spans.set(request, span);
    }
    done();
  });

  // Not in onRequest: what follows the body runs where the socket was read, outside of what began there.
  app.addHook('preHandler', (request, _reply, done) => {
    const span = spans.get(request);
    if (span === undefined) done();
    else tracing.enter(span, done);
  });

  app.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request);
    span?.setAttribute('http.response.status_code', reply.statusCode);
    if (reply.statusCode >= 500) span?.setStatus({ code: SpanStatusCode.ERROR });
    span?.end();
    done();
  });
}
