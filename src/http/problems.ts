/** Every error the API answers with, in one catalogue, and the RFC 9457 body it becomes. */
import { API_BASE } from './api-base.ts';

/** Codes are a contract with clients: add, never rename. */
export const PROBLEMS = {
  PULSE_API_INVALID_REQUEST: { status: 400, title: 'The request is not valid.' },
  PULSE_API_MALFORMED_BODY: { status: 400, title: 'The body is not valid JSON.' },
  PULSE_API_MALFORMED_URL: { status: 400, title: 'The URL is not valid.' },
  PULSE_API_MALFORMED_HTTP: { status: 400, title: 'The request is not valid HTTP.' },
  PULSE_API_UNAUTHENTICATED: { status: 401, title: 'A valid token is needed.' },
  PULSE_API_INVALID_CREDENTIALS: { status: 401, title: 'Wrong username or password.' },
  PULSE_API_FORBIDDEN: { status: 403, title: 'The caller may not do this.' },
  PULSE_API_ROUTE_NOT_FOUND: { status: 404, title: 'There is no such route.' },
  PULSE_API_NOT_FOUND: { status: 404, title: 'There is no such resource.' },
  PULSE_API_METHOD_NOT_ALLOWED: { status: 405, title: 'The route has no such method.' },
  PULSE_API_REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive.' },
  PULSE_API_POPULATE_BUSY: { status: 409, title: 'Enough populate runs are running.' },
  PULSE_API_DEAD_LETTER_STATE: { status: 409, title: 'The dead letter does not wait.' },
  PULSE_API_DEAD_LETTER_FORGOTTEN: { status: 409, title: 'It may have been counted long ago.' },
  PULSE_API_REPLAY_BUSY: { status: 409, title: 'A bulk replay is running.' },
  PULSE_API_IDEMPOTENCY_KEY_BUSY: { status: 409, title: 'A request with this key is at work.' },
  PULSE_API_BODY_TOO_LARGE: { status: 413, title: 'The body is too large.' },
  PULSE_API_TOO_MANY_PULSES: { status: 413, title: 'The request carries too many pulses.' },
  PULSE_API_URL_TOO_LONG: { status: 414, title: 'The URL is too long.' },
  PULSE_API_MEDIA_TYPE: { status: 415, title: 'The media type of the body is wrong.' },
  PULSE_API_PULSES_REJECTED: { status: 422, title: 'No pulse was accepted.' },
  PULSE_API_IDEMPOTENCY_KEY_REUSED: { status: 422, title: 'The key was used for another body.' },
  PULSE_API_TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests.' },
  PULSE_API_HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large.' },
  PULSE_API_INTERNAL: { status: 500, title: 'The server failed.' },
  PULSE_API_UNAVAILABLE: { status: 503, title: 'A server behind the API is away.' },
  PULSE_API_PULSES_UNCONFIRMED: { status: 503, title: 'No pulse was confirmed.' },
  PULSE_API_TIMEOUT: { status: 503, title: 'The answer took too long.' },
  PULSE_API_BUSY: { status: 503, title: 'The server is busy.' },
  PULSE_API_NOT_READY: { status: 503, title: 'The server is not ready.' },
  PULSE_API_CLOSING: { status: 503, title: 'The server is closing.' },
} as const;

export type ProblemCode = keyof typeof PROBLEMS;

/** Below it stands one page for each kind of problem, which is what its `type` names. */
export const PROBLEM_TYPES_PATH = `${API_BASE}/problems`;

/** The media type of every error. */
export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** What is wrong with one field of the body, the query string or the path. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** What an answer adds to its code. All of it is shown to the caller. */
export interface ProblemOptions {
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body (RFC 9457, section 3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An answer that is an error. Thrown anywhere below a route, it becomes its problem document. */
export class ProblemError extends Error {
  readonly code: ProblemCode;
  readonly statusCode: number;
  readonly options: ProblemOptions;

  constructor(code: ProblemCode, options: ProblemOptions = {}) {
    super(PROBLEMS[code].title, { cause: options.cause });
    this.name = 'ProblemError';
    this.code = code;
    this.statusCode = PROBLEMS[code].status;
    this.options = options;
  }
}

/** One 400 that names one field. */
export function invalidField(field: string, message: string): ProblemError {
  return invalidFields([{ field, message }]);
}

/** One 400 that names every wrong field. */
export function invalidFields(errors: readonly FieldProblem[]): ProblemError {
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new ProblemError('PULSE_API_INVALID_REQUEST', { detail, errors });
}

/** The request a problem belongs to. */
export interface ProblemContext {
  readonly requestId: string;
  readonly url: string;
}

/** The body of an error. `instance` leaves the query string out: it may hold what nobody should log. */
export function problemBody(
  { code, options }: ProblemError,
  { requestId, url }: ProblemContext,
): Record<string, unknown> {
  const { status, title } = PROBLEMS[code];
  return {
    type: problemType(code),
    title,
    status,
    detail: options.detail ?? title,
    instance: url.split('?', 1)[0] ?? url,
    code,
    request_id: requestId,
    ...(options.errors === undefined ? {} : { errors: options.errors }),
    ...options.members,
  };
}

/** `PULSE_API_NOT_FOUND` → `not-found`, as in the URL of its page. */
export function problemName(code: ProblemCode): string {
  return code.slice('PULSE_API_'.length).toLowerCase().replaceAll('_', '-');
}

/** The URI reference that identifies a kind of problem. A path: behind a proxy only the client knows the host. */
export function problemType(code: ProblemCode): string {
  return `${PROBLEM_TYPES_PATH}/${problemName(code)}`;
}
