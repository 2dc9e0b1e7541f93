/** What happens around every request: its id, its log line, its measure, and the door while closing. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';

/** One answered request. `route` is the pattern, never the path: a metric's labels stay few. */
export interface RequestDone {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

export interface RequestHooksOptions {
  readonly lifecycle: { readonly closing: boolean };
  readonly onRequestDone?: ((done: RequestDone) => void) | undefined;
}

const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** The caller's X-Request-Id when it is fit for logs and headers, else a new one. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Adds the hooks. They come before every other, so that refusals are answered and measured alike. */
export function addRequestHooks(app: FastifyInstance, options: RequestHooksOptions): void {
  const { lifecycle, onRequestDone } = options;

  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
    const isHealth = request.routeOptions.url?.includes('/health/') === true;
    if (lifecycle.closing && !isHealth) throw new ProblemError(HTTP_PROBLEMS.PULSE_API_CLOSING);
    refuseBadEscapes(request.url);
    done();
  });

  app.addHook('onSend', (_request, reply, payload, done) => {
    // Without it the client would keep the connection and hold up the close.
    if (lifecycle.closing) void reply.header('connection', 'close');
    done(null, payload);
  });

  app.addHook('onResponse', (request, reply, done) => {
    const answered = {
      method: request.method,
      route: request.routeOptions.url ?? 'unmatched',
      status: reply.statusCode,
      seconds: reply.elapsedTime / 1000,
    };
    const level = answered.route.includes('/health/') ? 'debug' : 'info';
    request.log[level](answered, 'request answered');
    onRequestDone?.(answered);
    done();
  });
}

/** The parser would take `%ff` for the three characters themselves and find nothing, silently. */
function refuseBadEscapes(url: string): void {
  const start = url.indexOf('?');
  if (start === -1) return;
  try {
    decodeURIComponent(url.slice(start + 1));
  } catch (cause) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_URL, {
      detail: 'The query string has a % that does not begin an escaped UTF-8 character.',
      cause,
    });
  }
}
