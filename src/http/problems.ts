/** The errors that the API returns: a catalogue of kinds for each domain, and the RFC 9457 body. */
import { API_BASE } from './api-base.ts';

/** What a caller can do about a problem, by status. */
export const PROBLEM_ADVICE = {
  400: { retry: 'never', advice: 'Fix the request. Where fields are wrong, `errors` names them.' },
  401: {
    retry: 'never',
    advice: 'Log in and send the token, or send a key, as `Authorization: Bearer <token>`.',
  },
  403: { retry: 'never', advice: 'Ask an administrator for the role or the tenants you need.' },
  404: {
    retry: 'never',
    advice: 'Check the path. Resources that you may not see are also reported as not found.',
  },
  405: { retry: 'never', advice: 'Use a method that the `Allow` header lists.' },
  408: { retry: 'later', advice: 'Send the request again, faster.' },
  409: {
    retry: 'later',
    advice: 'Check the state that conflicts with the request; it may change.',
  },
  413: { retry: 'never', advice: 'Send less at a time.' },
  414: { retry: 'never', advice: 'Send a shorter URL.' },
  415: { retry: 'never', advice: 'Set `Content-Type` to a type that the operation accepts.' },
  417: { retry: 'never', advice: 'Leave out the `Expect` header.' },
  422: {
    retry: 'never',
    advice: 'Fix the request; see `detail` and `outcomes`. Nothing in it was accepted.',
  },
  429: { retry: 'later', advice: 'Send it again after `Retry-After` seconds.' },
  431: { retry: 'never', advice: 'Send fewer or shorter headers.' },
  500: { retry: 'later', advice: 'Report the `request_id`: the log has the cause.' },
  503: {
    retry: 'later',
    // Of any route: what is special about one is in the detail of its problems.
    advice: 'Send it again after `Retry-After` seconds and back off.',
  },
} as const satisfies Record<number, { retry: 'never' | 'later'; advice: string }>;

/** One kind of problem. Clients depend on its code: add kinds, never rename one. */
export interface ProblemKind {
  readonly code: string;
  readonly status: keyof typeof PROBLEM_ADVICE;
  /** A statement of fact, as a sentence. */
  readonly title: string;
}

/** The kinds of one domain, by code. */
export type ProblemCatalogue = Readonly<Record<string, ProblemKind>>;

/** Makes a catalogue. `createApp` refuses two catalogues that define the same code. */
export function defineProblems<Code extends `PULSE_API_${string}`>(
  kinds: Readonly<Record<Code, Omit<ProblemKind, 'code'>>>,
): Readonly<Record<Code, ProblemKind>> {
  const entries = Object.entries<Omit<ProblemKind, 'code'>>(kinds);
  const catalogue = entries.map(([code, kind]) => [code, { code, ...kind }]);
  return Object.fromEntries(catalogue) as Record<Code, ProblemKind>;
}

/** The kinds that any route may return. */
export const HTTP_PROBLEMS = defineProblems({
  PULSE_API_INVALID_REQUEST: { status: 400, title: 'The request is not valid.' },
  PULSE_API_MALFORMED_BODY: { status: 400, title: 'The body is not valid JSON.' },
  PULSE_API_MALFORMED_URL: { status: 400, title: 'The URL is not valid.' },
  PULSE_API_MALFORMED_HTTP: { status: 400, title: 'The request is not valid HTTP.' },
  PULSE_API_FORBIDDEN: { status: 403, title: 'The caller may not do this.' },
  PULSE_API_ROUTE_NOT_FOUND: { status: 404, title: 'There is no such route.' },
  PULSE_API_NOT_FOUND: { status: 404, title: 'There is no such resource.' },
  PULSE_API_METHOD_NOT_ALLOWED: { status: 405, title: 'The route has no such method.' },
  PULSE_API_REQUEST_TIMEOUT: { status: 408, title: 'The request took too long to arrive.' },
  PULSE_API_IDEMPOTENCY_KEY_BUSY: {
    status: 409,
    title: 'A request with this idempotency key is in progress.',
  },
  PULSE_API_BODY_TOO_LARGE: { status: 413, title: 'The body is too large.' },
  PULSE_API_URL_TOO_LONG: { status: 414, title: 'The URL is too long.' },
  PULSE_API_MEDIA_TYPE: { status: 415, title: 'The media type of the body is not supported.' },
  PULSE_API_EXPECTATION: { status: 417, title: 'The Expect header is not supported.' },
  PULSE_API_IDEMPOTENCY_KEY_REUSED: {
    status: 422,
    title: 'The idempotency key was used for another body.',
  },
  PULSE_API_TOO_MANY_REQUESTS: { status: 429, title: 'Too many requests.' },
  PULSE_API_HEADERS_TOO_LARGE: { status: 431, title: 'The headers are too large.' },
  PULSE_API_INTERNAL: { status: 500, title: 'The server failed.' },
  PULSE_API_UNAVAILABLE: { status: 503, title: 'A server behind the API is unavailable.' },
  PULSE_API_TIMEOUT: { status: 503, title: 'The answer took too long.' },
  PULSE_API_BUSY: { status: 503, title: 'The server is busy.' },
  PULSE_API_NOT_READY: { status: 503, title: 'The server is not ready.' },
  PULSE_API_CLOSING: { status: 503, title: 'The server is shutting down.' },
});

/** Each kind of problem has a page below this path; `type` points to it. */
export const PROBLEM_TYPES_PATH = `${API_BASE}/problems`;

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

/** One invalid field of the body, the query string or the path. */
export interface FieldProblem {
  readonly field: string;
  readonly message: string;
}

/** The facts of one occurrence. The caller sees all of them except `cause`. */
export interface ProblemOptions {
  /** More than the title says. Default: the advice for its status. */
  readonly detail?: string;
  readonly errors?: readonly FieldProblem[];
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the body (RFC 9457, section 3.2). */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An error that the caller sees. Thrown anywhere in a route, it becomes a problem document. */
export class ProblemError extends Error {
  readonly kind: ProblemKind;
  readonly options: ProblemOptions;

  constructor(kind: ProblemKind, options: ProblemOptions = {}) {
    super(kind.title, { cause: options.cause });
    this.name = 'ProblemError';
    this.kind = kind;
    this.options = options;
  }
}

/** A 400 that names one field. */
export function invalidField(field: string, message: string): ProblemError {
  return invalidFields([{ field, message }]);
}

/** A 400 that names every invalid field. */
export function invalidFields(errors: readonly FieldProblem[]): ProblemError {
  const detail = errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_INVALID_REQUEST, { detail, errors });
}

export interface ProblemContext {
  readonly requestId: string;
  readonly url: string;
}

/** The body of an error. `instance` omits the query string, which may hold values that must not be logged. */
export function problemBody(
  { kind, options }: ProblemError,
  { requestId, url }: ProblemContext,
): Record<string, unknown> {
  const { code, status, title } = kind;
  return {
    type: problemType(code),
    title,
    status,
    detail: options.detail ?? PROBLEM_ADVICE[status].advice,
    instance: url.split('?', 1)[0] ?? url,
    code,
    request_id: requestId,
    ...(options.errors === undefined ? {} : { errors: options.errors }),
    ...options.members,
  };
}

/** `PULSE_API_NOT_FOUND` → `not-found`, as in the URL of its page. */
export function problemName(code: string): string {
  return code.slice('PULSE_API_'.length).toLowerCase().replaceAll('_', '-');
}

/** The URI reference that identifies a kind of problem. It is a path: behind a proxy only the client knows the host. */
export function problemType(code: string): string {
  return `${PROBLEM_TYPES_PATH}/${problemName(code)}`;
}
