/** The routes below /endpoints. */
import { Type } from 'typebox';
import { TYPE_NAME } from '../events/events.ts';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { keyPaging, page } from '../http/page-schema.ts';
import {
  CHANGE_PROBLEMS,
  LIST_PROBLEMS,
  problemResponses,
  READ_PROBLEMS,
} from '../http/problem-schema.ts';
import { instant, nullable, orNull, querySchema } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { ENDPOINTS_MAX, OVERLAP_HOURS_DEFAULT, OVERLAP_HOURS_MAX } from './change-endpoint.ts';
import { DISABLED_REASONS, ENDPOINT_STATUSES } from './delivery.ts';
import {
  ATTEMPT,
  EXAMPLE_ENDPOINT,
  exampleEndpoint,
  ID_LENGTH_MAX,
  idSchema,
  nullableInstant,
} from './schema-terms.ts';

const TYPES_MAX = 100;
const RATE_MAX = 1_000;

const status = Type.Enum([...ENDPOINT_STATUSES], {
  description: 'Only to an `enabled` endpoint is anything sent.',
});
const types = Type.Array(
  Type.String({ pattern: TYPE_NAME.source, examples: ['invoice.paid'], description: 'A type.' }),
  {
    minItems: 1,
    maxItems: TYPES_MAX,
    uniqueItems: true,
    description: 'Only events of these types, which may be registered later. Default: every type.',
  },
);
const filter = Type.Record(
  Type.String(),
  Type.Union([Type.String({ maxLength: 1_024 }), Type.Number(), Type.Boolean(), Type.Null()]),
  {
    minProperties: 1,
    maxProperties: 10,
    description:
      'Members of `data` and the values that they must have, all of them. Default: any data.',
  },
);
const secret = Type.String({
  maxLength: 128,
  examples: ['whsec_c2VjcmV0IG9mIDI0IGJ5dGVzIGV4YWN0bHk='],
  description: '`whsec_` and 24 to 64 random bytes in base64. Default: Pulse makes one.',
});

const ENDPOINT = {
  id: Type.String(),
  client: Type.String({ description: 'The customer whose events it gets.' }),
  url: Type.String(),
  description: nullable('For people.'),
  types: Type.Union([Type.Array(Type.String()), Type.Null()], { description: 'Null: every type.' }),
  filter: Type.Union(
    [
      Type.Record(
        Type.String(),
        Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]),
      ),
      Type.Null(),
    ],
    { description: 'Null: any data.' },
  ),
  fifo: Type.Boolean({ description: 'Whether each event waits for the one before it.' }),
  rate_per_second: orNull(Type.Integer(), 'Null: as fast as it answers.'),
  status,
  disabled_reason: Type.Union([Type.Enum([...DISABLED_REASONS]), Type.Null()], {
    description:
      '`gone`: it answered 410. `failing`: it failed for 5 days. `requested`: somebody asked for it. Null: enabled.',
  }),
  failing_since: nullableInstant('The first failure since the last success.'),
  failures_in_row: Type.Integer({ description: 'Since the last success.' }),
  last_attempt_at: nullableInstant('When something was last sent to it.'),
  last_success_at: nullableInstant('When it last answered 2xx.'),
  version: Type.Integer({ description: 'Raised by every change.' }),
  created_at: instant('When it was created.'),
  updated_at: instant('When it last changed.'),
};

const EndpointSchema = Type.Object(ENDPOINT, {
  title: 'Endpoint',
  description: 'Where the events of a client are sent. Never with its secret.',
});

const EndpointWithSecret = Type.Object(
  {
    ...ENDPOINT,
    secret: Type.String({ description: 'Shown in this answer only. Keep it where it verifies.' }),
  },
  { title: 'EndpointWithSecret', description: 'An endpoint with its new secret.' },
);

const params = Type.Object({ id: idSchema('The id of an endpoint.') });
const quiet = (id: string) => `${exampleEndpoint(id)} > /dev/null`;
const post = (path: string, body: object) =>
  `curl -s "$API/endpoints/${path}" ${WITH_TOKEN} ${WITH_JSON} -d '${JSON.stringify(body)}'`;

export const putEndpointSchema = {
  operationId: 'putEndpoint',
  tags: ['webhooks'],
  summary: 'Creates or changes an endpoint',
  description:
    `The answer that creates an endpoint is the only one with its secret. A client has at most ${ENDPOINTS_MAX}; ` +
    'the client of an endpoint never changes. What is left out gets its default, except the status, which stays. ' +
    'An endpoint gets the events that are stored after it was created or enabled: for those before, use ' +
    '`POST /endpoints/{id}/recover`.',
  curl: exampleEndpoint('example'),
  params,
  body: Type.Object(
    {
      client: idSchema('The id of a customer.'),
      url: Type.String({
        minLength: 1,
        maxLength: 2_048,
        examples: ['https://example.com/pulse'],
        description:
          'Where to send: `https` or `http`, port 80, 443 or above 1023, an address of the public Internet.',
      }),
      types: Type.Optional(types),
      filter: Type.Optional(filter),
      description: Type.Optional(textSchema(1_024, 'For people.')),
      fifo: Type.Optional(
        Type.Boolean({
          default: false,
          description: 'Send the events one after another, in the order of their numbers.',
        }),
      ),
      rate_per_second: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: RATE_MAX,
          description: 'At most so many a second. Default: as fast as it answers.',
        }),
      ),
      status: Type.Optional(status),
      secret: Type.Optional(secret),
    },
    { additionalProperties: false, examples: [EXAMPLE_ENDPOINT] },
  ),
  response: { 200: EndpointSchema, 201: EndpointWithSecret, ...CHANGE_PROBLEMS },
};

export const getEndpointSchema = {
  operationId: 'getEndpoint',
  tags: ['webhooks'],
  summary: 'Shows an endpoint',
  description: 'With what its last attempts have come to.',
  curl: `${quiet('example')}
curl -s "$API/endpoints/example" ${WITH_TOKEN}`,
  params,
  response: { 200: EndpointSchema, ...READ_PROBLEMS },
};

export const listEndpointsSchema = {
  operationId: 'listEndpoints',
  tags: ['webhooks'],
  summary: 'Lists endpoints',
  description: 'By ascending id.',
  curl: `curl -s "$API/endpoints?client=123&limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    client: Type.Optional(idSchema('Only of this customer.')),
    status: Type.Optional(status),
    ...keyPaging(ID_LENGTH_MAX),
  }),
  response: { 200: page(EndpointSchema), ...LIST_PROBLEMS },
};

export const deleteEndpointSchema = {
  operationId: 'deleteEndpoint',
  tags: ['webhooks'],
  summary: 'Deletes an endpoint',
  description:
    'What is pending for it has failed then. Its deliveries and attempts stay until their month is dropped.',
  curl: `${quiet('short-lived')}
curl -s -X DELETE "$API/endpoints/short-lived" ${WITH_TOKEN}`,
  params,
  response: { 204: Type.Null({ description: 'It is deleted.' }), ...READ_PROBLEMS },
};

export const rotateSecretSchema = {
  operationId: 'rotateEndpointSecret',
  tags: ['webhooks'],
  summary: 'Replaces the secret of an endpoint',
  description:
    'The answer is the only one with the new secret. Until the overlap ends, webhooks have two signatures, one of ' +
    'each secret. A rotation within the overlap of another drops the oldest secret at once.',
  curl: `${quiet('example')}
${post('example/rotate-secret', { overlap_hours: 48 })}`,
  params,
  body: Type.Object(
    {
      secret: Type.Optional(secret),
      overlap_hours: Type.Optional(
        Type.Integer({
          minimum: 0,
          maximum: OVERLAP_HOURS_MAX,
          default: OVERLAP_HOURS_DEFAULT,
          description: 'How long the secret before signs as well.',
        }),
      ),
    },
    { additionalProperties: false, examples: [{ overlap_hours: 48 }] },
  ),
  response: { 200: EndpointWithSecret, ...CHANGE_PROBLEMS },
};

export const testEndpointSchema = {
  operationId: 'testEndpoint',
  tags: ['webhooks'],
  summary: 'Sends a test event to an endpoint',
  description:
    'An event of type `endpoint.test` with `number` 0, sent once and at once, also to a disabled endpoint. It is ' +
    'not stored, and the answer says what came of it.',
  curl: `${quiet('example')}
curl -s -X POST "$API/endpoints/example/test" ${WITH_TOKEN}`,
  params,
  response: {
    200: Type.Object(
      {
        webhook_id: Type.String({ description: 'The header `webhook-id` of the request.' }),
        ...ATTEMPT,
      },
      { title: 'EndpointTest', description: 'What came of a test.' },
    ),
    ...problemResponses(400, 401, 403, 404, 409, 429, 500, 503),
  },
};

export const recoverEndpointSchema = {
  operationId: 'recoverEndpoint',
  tags: ['webhooks'],
  summary: 'Sends what an endpoint has missed since an instant',
  description:
    'That is what has failed, and what it has no delivery of, for example from the time when it was disabled. ' +
    'Where `next` is not null, there is more: send the request again with it as `since`.',
  curl: `${quiet('example')}
${post('example/recover', { since: '2026-01-01T00:00:00Z', dry_run: true })}`,
  params,
  body: Type.Object(
    {
      since: instant('Only events stored, and deliveries created, at this instant or later.'),
      dry_run: Type.Optional(
        Type.Boolean({ default: false, description: 'Counts, and changes nothing.' }),
      ),
    },
    {
      additionalProperties: false,
      examples: [{ since: '2026-01-01T00:00:00Z', dry_run: true }],
    },
  ),
  response: {
    200: Type.Object(
      {
        failed_count: Type.Integer({ description: 'Deliveries that had failed.' }),
        missed_count: Type.Integer({ description: 'Events that it had no delivery of.' }),
        next: nullableInstant('`since` of the next request; null: that was all.'),
      },
      { title: 'EndpointRecovery', description: 'What is sent again, or would be.' },
    ),
    ...CHANGE_PROBLEMS,
    ...problemResponses(429),
  },
};
