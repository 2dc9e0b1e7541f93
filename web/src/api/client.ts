/** The public API, typed from its own description. */
import createClient from 'openapi-fetch';
import { parseExact } from './exact-json.ts';
import type { paths } from './schema.d.ts';
import { endSession, EXPIRED, sessionToken } from './session.ts';

interface ProblemDetails {
  readonly code?: string | undefined;
  readonly requestId?: string | undefined;
  readonly errors?: readonly { readonly field: string; readonly message: string }[] | undefined;
}

/** A problem document (RFC 9457), or a failure on the way to the API. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';

  /** 0 when the API did not answer. */
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly more: ProblemDetails;

  constructor(status: number, title: string, detail: string, more: ProblemDetails = {}) {
    super(detail === '' ? title : `${title}: ${detail}`);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.more = more;
  }

  /** The detail says nothing but what is wrong with each field. */
  get isAboutFields(): boolean {
    const { errors = [] } = this.more;
    return errors.length > 0 && this.detail === fieldWords(errors);
  }
}

/** As the API says it. */
export function fieldWords(errors: NonNullable<ProblemDetails['errors']>): string {
  return errors.map(({ field, message }) => `${field}: ${message}`).join('; ');
}

const UNAVAILABLE = new ApiProblem(0, 'The API does not answer', 'The page goes on trying.');

/** Sends the token. Ends its session when the API no longer accepts it. */
export async function fetchApi(request: Request): Promise<Response> {
  const token = sessionToken();
  if (token !== undefined) request.headers.set('authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(request);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw UNAVAILABLE;
  }
  // A late answer says nothing about the login that came after it.
  if (response.status === 401 && token !== undefined && token === sessionToken()) {
    endSession(EXPIRED);
  }
  return response;
}

export const api = createClient<paths>({ baseUrl: location.origin, fetch: fetchApi });

api.use({
  async onResponse({ response }) {
    if (!response.ok) throw await problemOf(response);
    if (!isJson(response)) return undefined;
    // The library parses with `JSON.parse`, which rounds.
    const exact = JSON.stringify(parseExact(await response.text()));
    const headers = new Headers(response.headers);
    headers.delete('content-length');
    return new Response(exact, { status: response.status, headers });
  },
});

/** The body of a successful answer. @throws ApiProblem */
export async function dataOf<Answer extends { data?: unknown }>(
  answer: Promise<Answer>,
): Promise<NonNullable<Answer['data']>> {
  const { data } = await answer;
  return data as NonNullable<Answer['data']>;
}

export async function problemOf(response: Response): Promise<ApiProblem> {
  const text = await response.text();
  try {
    const problem = JSON.parse(text) as {
      title: string;
      detail: string;
      code?: string;
      request_id?: string;
      errors?: { field: string; message: string }[];
    };
    return new ApiProblem(response.status, problem.title, problem.detail, {
      code: problem.code,
      requestId: problem.request_id,
      errors: problem.errors,
    });
  } catch {
    return new ApiProblem(response.status, `The API answered ${response.status}`, '');
  }
}

function isJson(response: Response): boolean {
  return /\bjson\b/.test(response.headers.get('content-type') ?? '');
}
