/** The shape of every error (RFC 9457), for response schemas. */
import { Type, type TSchema } from 'typebox';
import { PROBLEM_MEDIA_TYPE } from './problems.ts';

/** The members of every problem; `errors` comes with 400 and names the invalid fields. */
export const PROBLEM_PROPERTIES = {
  type: Type.String({
    format: 'uri-reference',
    description: 'Identifies the kind of problem and links to its description.',
  }),
  title: Type.String({ description: 'The kind of problem in words.' }),
  status: Type.Integer({ description: 'The HTTP status.' }),
  detail: Type.String({ description: 'What is wrong with this request, or what to do.' }),
  instance: Type.String({ description: 'The path of the request.' }),
  code: Type.String({ description: 'A stable code for programs, `PULSE_API_…`.' }),
  request_id: Type.String({ description: 'Same as the header X-Request-Id.' }),
  errors: Type.Optional(
    Type.Array(
      Type.Object({
        field: Type.String({ description: 'The invalid field of the body, query string or path.' }),
        message: Type.String({ description: 'What is wrong with it.' }),
      }),
    ),
  ),
};

export const ProblemSchema = Type.Object(PROBLEM_PROPERTIES, { title: 'Problem' });

const DESCRIPTIONS = {
  400: 'The request is not valid; `errors` names the fields.',
  401: 'The token is missing, expired or invalid.',
  403: 'The caller’s role or tenants do not allow it.',
  404: 'There is no such resource.',
  409: 'The request conflicts with the current state.',
  413: 'The body is too large.',
  415: 'The operation does not accept the media type of the body.',
  422: 'The Idempotency-Key was used for another body.',
  429: 'Too many requests; `Retry-After` says when to try again.',
  500: 'The server failed.',
  503: 'A server behind the API is unavailable, or this one is shutting down; `Retry-After` says when to try again.',
} as const;

type ProblemStatus = keyof typeof DESCRIPTIONS;

/** The response schemas for a route's errors. */
export function problemResponses<Status extends ProblemStatus>(...statuses: Status[]) {
  const responses = statuses.map((status) => [status, problemResponse(DESCRIPTIONS[status])]);
  return Object.fromEntries(responses) as Record<Status, ReturnType<typeof problemResponse>>;
}

/** @param schema Of a problem that has more members. */
export function problemResponse(description: string, schema: TSchema = ProblemSchema) {
  return { description, content: { [PROBLEM_MEDIA_TYPE]: { schema } } };
}

export const LIST_PROBLEMS = problemResponses(400, 401, 403, 500, 503);
export const READ_PROBLEMS = problemResponses(400, 401, 403, 404, 500, 503);
export const CREATE_PROBLEMS = problemResponses(400, 401, 403, 409, 413, 415, 500, 503);
export const CHANGE_PROBLEMS = problemResponses(400, 401, 403, 404, 409, 413, 415, 500, 503);
