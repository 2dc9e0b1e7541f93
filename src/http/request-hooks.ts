/** The hooks around every request: its id, its log line, its metrics, and the refusal while closing. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Caller } from './caller.ts';
import { HTTP_PROBLEMS, ProblemError } from './problems.ts';
import type { RefusalLines } from './refusal-lines.ts';
import { checkHeaders, removeForwardedPorts, removeRange } from './request-headers.ts';

/** One answered request. `route` is the pattern, not the path, so that metrics have few labels. */
export interface RequestDone {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The answer lasts as long as its caller listens, so it is not measured. */
    lasting?: true;
  }
}

export interface RequestHooksOptions {
  readonly lifecycle: { readonly closing: boolean };
  /** For the lines of requests that fail without a known caller. */
  readonly refusals: RefusalLines;
  readonly onRequestDone?: ((done: RequestDone) => void) | undefined;
}

const ANSWERED = 'request answered';
const REQUEST_ID = /^[\w.:-]{1,64}$/;

/** The caller's X-Request-Id if it is safe in logs and headers, else a new id. */
export function requestIdOf(request: Pick<IncomingMessage, 'headers'>): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}

/** Adds the hooks. Call it before adding others, so that refusals are answered and measured too. */
export function addRequestHooks(app: FastifyInstance, options: RequestHooksOptions): void {
  const { lifecycle, refusals, onRequestDone } = options;

  app.addHook('onRequest', (request, reply, done) => {
    void reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
    const isHealth = request.routeOptions.url?.includes('/health/') === true;
    if (lifecycle.closing && !isHealth) throw new ProblemError(HTTP_PROBLEMS.PULSE_API_CLOSING);
    removeForwardedPorts(request.raw);
    removeRange(request.raw);
    checkHeaders(request.raw);
    refuseBadEscapes(request.url);
    done();
  });

  app.addHook('onSend', (_request, reply, payload, done) => {
    // Otherwise the client would keep the connection open and delay the close.
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
    if (answered.route.includes('/health/')) request.log.debug(answered, ANSWERED);
    else if (answered.status >= 400 && !isKnown(request))
      refusals.info(request.log, answered, ANSWERED);
    else request.log.info(answered, ANSWERED);
    if (request.routeOptions.config.lasting !== true) onRequestDone?.(answered);
    done();
  });
}

/** Before it is authenticated, a request has the null of the plugin for tokens. */
function isKnown({ user }: { readonly user: Caller | null }): boolean {
  return user !== null;
}

/** The parser would read `%ff` as three characters and silently find nothing. */
function refuseBadEscapes(url: string): void {
  const start = url.indexOf('?');
  if (start === -1) return;
  try {
    decodeURIComponent(url.slice(start + 1));
  } catch (cause) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_URL, {
      detail: 'The query string contains a % that does not start an escaped UTF-8 character.',
      cause,
    });
  }
}
