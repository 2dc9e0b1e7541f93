/** Sends one request. Failures differ by what the caller can do about them. */
import type { Problem } from './api-types.ts';
import { withDeadline } from './timers.ts';

/** The API answered with an error. */
export class PulseApiError extends Error {
  readonly status: number;
  /** `PULSE_API_…`, or empty if the answer was not from Pulse. */
  readonly code: string;
  readonly problem: Problem | undefined;
  /** How long to wait before the next attempt, if the answer says so. */
  readonly retryAfterMs: number | undefined;

  constructor(status: number, problem: Problem | undefined, retryAfterMs: number | undefined) {
    super(
      problem === undefined
        ? `${status}: the answer is not from Pulse. Check the url, and what is between.`
        : `${status} ${problem.code}: ${problem.detail}`,
    );
    this.name = 'PulseApiError';
    this.status = status;
    this.code = problem?.code ?? '';
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

/** There was no complete answer. The API may or may not have processed the request. */
export class PulseConnectionError extends Error {
  constructor(message: string, options: { cause: unknown }) {
    super(message, options);
    this.name = 'PulseConnectionError';
  }
}

export interface TransportOptions {
  /** Where the API is, such as `https://pulse.example.com`. */
  readonly url: string;
  /**
   * A token from `login`, an API key, or a function that returns one, called before every request. The time that it
   * takes is part of `timeoutMs`.
   */
  readonly token?: string | (() => string | Promise<string>);
  /**
   * How long a request may take. Default: 30 seconds. Replays of dead letters have at least the time that the API
   * gives them: 80 seconds for one, 2 minutes for many.
   */
  readonly timeoutMs?: number;
  /** Default: the global `fetch`. */
  readonly fetch?: typeof fetch;
}

export interface RequestOptions {
  readonly query?: Readonly<Record<string, QueryValue>>;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** How long the API may need, where that is more than `timeoutMs` of the transport. */
  readonly answerWithinMs?: number;
  /** Whether a body is what this call returns, where the caller would break on another. */
  readonly isAnswer?: (body: unknown) => boolean;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface TextAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

type QueryValue = string | number | boolean | Date | readonly string[] | undefined;

export interface Transport {
  /**
   * @throws PulseApiError The answer was an error.
   * @throws PulseConnectionError There was no complete answer.
   */
  request<T>(method: Method, path: string, options?: RequestOptions): Promise<T>;
  /** The same for an answer that is not JSON, such as CSV. */
  requestText(path: string, options?: RequestOptions): Promise<TextAnswer>;
  /** Later requests carry this token. */
  setToken(token: string): void;
}

const BASE = '/api/v1';
const TIMEOUT_MS = 30_000;
/** A byte order mark is part of the text. */
const TEXT = new TextDecoder('utf-8', { ignoreBOM: true });

/** Creates a transport. It connects on first use. */
export function createTransport(options: TransportOptions): Transport {
  const { url, timeoutMs = TIMEOUT_MS } = options;
  const send = options.fetch ?? fetch;
  let { token } = options;

  /** Sends a request, and reads the whole answer. */
  const exchange = async (
    method: Method,
    path: string,
    { query = {}, json, headers, signal, answerWithinMs = 0 }: RequestOptions,
  ): Promise<TextAnswer> => {
    const target = url.replace(/\/+$/, '') + BASE + path + toQueryString(query);
    const body = json === undefined ? {} : { body: JSON.stringify(json) };
    return await withDeadline(Math.max(timeoutMs, answerWithinMs), signal, async (within) => {
      const current = typeof token === 'function' ? await unlessAborted(token(), within) : token;
      const init: RequestInit = {
        method,
        headers: {
          accept: 'application/json',
          ...(current === undefined ? {} : { authorization: `Bearer ${current}` }),
          ...(json === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        signal: within,
        ...body,
      };
      try {
        const response = await send(target, init);
        const bytes = await response.arrayBuffer();
        return { status: response.status, headers: response.headers, text: TEXT.decode(bytes) };
      } catch (cause) {
        const message = 'The API could not be reached, or did not answer.';
        throw new PulseConnectionError(message, { cause });
      }
    });
  };

  return {
    setToken(next) {
      token = next;
    },
    async request<T>(method: Method, path: string, given: RequestOptions = {}): Promise<T> {
      const answer = await exchange(method, path, given);
      const body = parse(answer.text);
      const { isAnswer = isJson } = given;
      if (isSuccess(answer) && isAnswer(body)) return body as T;
      throw toApiError(answer, body);
    },
    async requestText(path, given = {}) {
      const headers = { accept: '*/*', ...given.headers };
      const answer = await exchange('GET', path, { ...given, headers });
      if (isSuccess(answer)) return answer;
      throw toApiError(answer, parse(answer.text));
    },
  };
}

export function keyHeaders(idempotencyKey: string | undefined): Readonly<Record<string, string>> {
  return idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey };
}

function isSuccess({ status }: TextAnswer): boolean {
  return status >= 200 && status < 300;
}

function toApiError({ status, headers }: TextAnswer, body: unknown): PulseApiError {
  const problem = isProblem(body) ? body : undefined;
  return new PulseApiError(status, problem, retryAfterMs(headers.get('retry-after')));
}

/** @throws PulseConnectionError The signal was aborted first. What the token's function throws is thrown as it is. */
async function unlessAborted(
  token: string | Promise<string>,
  signal: AbortSignal,
): Promise<string> {
  let stop = (): void => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    stop = () => {
      reject(new PulseConnectionError('There was no token in time.', { cause: signal.reason }));
    };
  });
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop);
  try {
    return await Promise.race([token, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A list becomes a repeated parameter, a date an RFC 3339 instant. Undefined values are left out. */
function toQueryString(query: Readonly<Record<string, QueryValue>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [value]) {
      parameters.append(name, one instanceof Date ? one.toISOString() : String(one));
    }
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The page of a proxy, or an empty body.
    return undefined;
  }
}

function isJson(body: unknown): boolean {
  return body !== undefined;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body;
}

/** Seconds or a date (RFC 9110, section 10.2.3). */
function retryAfterMs(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
