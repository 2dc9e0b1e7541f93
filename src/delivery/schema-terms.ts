/** Parts of the schemas of endpoints and deliveries. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { problemResponses } from '../http/problem-schema.ts';
import { textSchema } from '../http/text-schema.ts';

export const LIST_LIMIT_DEFAULT = 50;
const LIST_LIMIT_MAX = 1_000;
const ID_LENGTH_MAX = 128;

export const idSchema = (description: string) => textSchema(ID_LENGTH_MAX, description);
export const instant = (description: string) => Type.String({ format: 'date-time', description });
export const nullable = (description: string) =>
  Type.Union([Type.String(), Type.Null()], { description });
export const nullableInteger = (description: string) =>
  Type.Union([Type.Integer(), Type.Null()], { description });
export const nullableInstant = (description: string) =>
  Type.Union([instant(description), Type.Null()], { description });
export const pageLimit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT }),
);

/** What an attempt came to, without its number. */
export const ATTEMPT = {
  attempted_at: instant('When it was sent.'),
  outcome: Type.Enum(['delivered', 'failed'], { description: 'Delivered: 2xx.' }),
  status_code: nullableInteger('Null: there was no answer.'),
  duration_ms: Type.Integer({ description: 'How long it took.' }),
  error: nullable('Why there was no usable answer.'),
  response: nullable('The first KiB of the answer, escaped.'),
};

export const READ_PROBLEMS = problemResponses(400, 401, 403, 404, 500, 503);
export const CHANGE_PROBLEMS = problemResponses(400, 401, 403, 404, 409, 413, 415, 500, 503);

/** It gets every type, among them those of Pulse itself. */
export const EXAMPLE_ENDPOINT = { client: '123', url: 'https://example.com/pulse' };

/** An example command that creates an endpoint, or leaves it as it is. */
export const exampleEndpoint = (id: string) =>
  `curl -s -X PUT "$API/endpoints/${id}" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '${JSON.stringify(EXAMPLE_ENDPOINT)}'`;

export const operation = <
  const Text extends { operationId: string; summary: string; description: string },
>(
  text: Text,
) => ({ tags: ['webhooks'], ...text });
