/** Turns every failure into a problem document. What the caller must not see goes to the log. */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { TransientError, UndeliverableError } from '../core/errors.ts';
import { toPulseError } from '../platform/postgres.ts';
import type { Caller } from './caller.ts';
import {
  HTTP_PROBLEMS,
  PROBLEM_MEDIA_TYPE,
  problemBody,
  ProblemError,
  type ProblemKind,
} from './problems.ts';
import type { RefusalLines } from './refusal-lines.ts';
import type { RouteEntry } from './route-table.ts';
import { fieldProblems } from './validation.ts';

/** The errors of Fastify and Node, by code. */
const KNOWN_CODES: Readonly<Record<string, ProblemKind>> = {
  FST_ERR_VALIDATION: HTTP_PROBLEMS.PULSE_API_INVALID_REQUEST,
  FST_ERR_CTP_INVALID_JSON_BODY: HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY,
  FST_ERR_CTP_EMPTY_JSON_BODY: HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY,
  FST_ERR_CTP_BODY_TOO_LARGE: HTTP_PROBLEMS.PULSE_API_BODY_TOO_LARGE,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: HTTP_PROBLEMS.PULSE_API_MEDIA_TYPE,
  FST_ERR_BAD_URL: HTTP_PROBLEMS.PULSE_API_MALFORMED_URL,
  // A path outside of the folder of static files.
  FST_STATIC_FORBIDDEN_PATH: HTTP_PROBLEMS.PULSE_API_ROUTE_NOT_FOUND,
  FST_ERR_MAX_PARAM_LENGTH: HTTP_PROBLEMS.PULSE_API_URL_TOO_LONG,
};

const RETRY_AFTER_SECONDS = '5';
/** They describe the body that a problem replaces. */
const HEADERS_OF_ANSWER = ['content-encoding', 'content-disposition', 'etag', 'link'];

/**
 * Creates the handler, which answers every failure. An unexpected error shows the caller no stack, no SQL and no driver
 * text.
 *
 * @param refusals Takes the lines about requests without a token, which anybody can send.
 */
export function createErrorHandler(refusals: Pick<RefusalLines, 'error' | 'warn'>) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = problemOf(error, request);
    if (problem.kind.status >= 500) logFailure(error, { problem, request, reply, refusals });
    answerProblem(problem, request, reply);
  };
}

function logFailure(
  error: unknown,
  {
    problem,
    request,
    reply,
    refusals,
  }: {
    readonly problem: ProblemError;
    readonly request: FastifyRequest;
    readonly reply: FastifyReply;
    readonly refusals: Pick<RefusalLines, 'error' | 'warn'>;
  },
): void {
  const { status, code } = problem.kind;
  const facts = { err: error, code };
  const level = status === 500 ? 'error' : 'warn';
  // Its work was cut short on purpose, so its error says nothing about Pulse.
  if (reply.raw.closed) request.log.debug(facts, 'caller disconnected');
  // Typed as always present, but null unless authentication succeeded.
  else if ((request.user as Caller | null) === null) {
    refusals[level](request.log, facts, 'request failed');
  } else request.log[level](facts, 'request failed');
}

function answerProblem(problem: ProblemError, request: FastifyRequest, reply: FastifyReply): void {
  const { status } = problem.kind;
  forgetAnswer(reply);
  if (status === 503) void reply.header('retry-after', RETRY_AFTER_SECONDS);
  void reply
    .code(status)
    // The answer that failed may have been one that a cache may keep.
    .headers({
      'x-request-id': request.id,
      'cache-control': 'no-store',
      ...problem.options.headers,
    })
    .type(PROBLEM_MEDIA_TYPE)
    .send(problemBody(problem, { requestId: request.id, url: request.url }));
}

/**
 * Removes the headers of an answer that failed before its first byte. A stream has then been given to Node with
 * its headers already, and compression leaves alone what says that it is compressed.
 */
function forgetAnswer(reply: FastifyReply): void {
  for (const name of HEADERS_OF_ANSWER) {
    void reply.removeHeader(name);
    if (!reply.raw.headersSent) reply.raw.removeHeader(name);
  }
}

/** Classifies by type and code, never by the message. */
function problemOf(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error;
  const transient = toPulseError(error);
  if (transient instanceof TransientError) {
    const { PULSE_API_BUSY, PULSE_API_UNAVAILABLE } = HTTP_PROBLEMS;
    const kind = transient.code.endsWith('_BUSY') ? PULSE_API_BUSY : PULSE_API_UNAVAILABLE;
    const detail = transient instanceof UndeliverableError ? { detail: transient.message } : {};
    return new ProblemError(kind, { ...detail, cause: error });
  }
  const { code, statusCode, validation, validationContext } = (error ?? {}) as FastifyError;
  if (validation !== undefined) {
    const errors = fieldProblems(validation, validationContext ?? 'body');
    const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
    return new ProblemError(HTTP_PROBLEMS.PULSE_API_INVALID_REQUEST, { detail, errors });
  }
  const known = KNOWN_CODES[code];
  if (known === HTTP_PROBLEMS.PULSE_API_MEDIA_TYPE) {
    return new ProblemError(known, { detail: 'The body must be application/json.', cause: error });
  }
  const { bodyLimit } = request.routeOptions;
  if (known === HTTP_PROBLEMS.PULSE_API_BODY_TOO_LARGE) {
    const detail = `The body may have at most ${bodyLimit} bytes.`;
    return new ProblemError(known, { detail, cause: error });
  }
  if (known !== undefined) return new ProblemError(known, { cause: error });
  // The remaining errors with status 400 come from the JSON parser, which refuses __proto__ and the like.
  if (statusCode === 400) {
    return new ProblemError(HTTP_PROBLEMS.PULSE_API_MALFORMED_BODY, { cause: error });
  }
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_INTERNAL, { cause: error });
}

/** Answers input that never became a request: malformed HTTP, oversized headers, or a request that arrived too slowly. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  const problem = new ProblemError(clientProblem(error.code));
  const body = JSON.stringify(problemBody(problem, { requestId: '', url: '' }));
  if (socket.writable) {
    socket.write(
      `HTTP/1.1 ${problem.kind.status} Error\r\nContent-Type: ${PROBLEM_MEDIA_TYPE}\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
    );
  }
  socket.destroy(error);
}

function clientProblem(code: string | undefined): ProblemKind {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return HTTP_PROBLEMS.PULSE_API_REQUEST_TIMEOUT;
  if (code === 'HPE_HEADER_OVERFLOW') return HTTP_PROBLEMS.PULSE_API_HEADERS_TOO_LARGE;
  return HTTP_PROBLEMS.PULSE_API_MALFORMED_HTTP;
}

/** More than any route has. */
const PARTS_MAX = 32;

/** Answers 405 with `Allow` where the path has a route with another method, else 404. */
export function answerNotFound(routes: readonly RouteEntry[]) {
  return (request: FastifyRequest<{ Reply: unknown }>, reply: FastifyReply): void => {
    // A path may have thousands of parts, and is compared with every route.
    const parts = pathOf(request.raw).split('/', PARTS_MAX);
    const methods = routes.filter(({ url }) => matches(url, parts)).map(({ method }) => method);
    if (methods.length === 0) throw new ProblemError(HTTP_PROBLEMS.PULSE_API_ROUTE_NOT_FOUND);
    const allow = [...new Set(methods)].sort().join(', ');
    void reply.header('allow', allow);
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_METHOD_NOT_ALLOWED, {
      detail: `Allowed: ${allow}.`,
    });
  };
}

function pathOf(request: IncomingMessage): string {
  return request.url?.split('?', 1)[0] ?? '/';
}

function matches(pattern: string, parts: readonly string[]): boolean {
  const names = pattern.split('/');
  return (
    names.length === parts.length &&
    names.every((name, index) => name === parts[index] || name.startsWith(':'))
  );
}
