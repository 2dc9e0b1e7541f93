/** One span for each request, a child of the caller's if it sends a `traceparent`. */
import { SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { parseTraceparent, TRACEPARENT } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';

/** Adds the hooks if tracing is on. Health checks are not traced, because they would be most of the traces. */
export function addRequestTracing(app: FastifyInstance, tracing: Tracing): void {
  if (!tracing.enabled) return;
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

  // Not in onRequest: code after the body runs in the context of the socket's read, not in that of the hook.
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
