/** The routes below /event-types. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { limitSchema, numberPage, page } from '../http/page-schema.ts';
import {
  LIST_PROBLEMS,
  PROBLEM_PROPERTIES,
  problemResponse,
  problemResponses,
  READ_PROBLEMS,
} from '../http/problem-schema.ts';
import { nullable, querySchema } from '../http/schema-terms.ts';
import { NAME_LENGTH_MAX, TYPE_NAME } from './events.ts';

/** Each schema may have 64 KiB. */
const LIST_LIMIT_MAX = 100;
export const LIST_LIMIT_DEFAULT = 20;
const DESCRIPTION_LENGTH_MAX = 1_024;
const VERSION_MAX = 2_147_483_647;

const EXAMPLE = {
  schema: {
    type: 'object',
    properties: { total: { type: 'number', minimum: 0 } },
    required: ['total'],
  },
  description: 'An invoice is paid.',
};

const EventTypeSchema = Type.Object(
  {
    name: Type.String(),
    version: Type.Integer({ description: 'From 1. Events are validated against the newest.' }),
    schema: Type.Unknown({ description: 'JSON Schema 2020-12 for the data of an event.' }),
    description: nullable('For people.'),
    is_breaking: Type.Boolean({
      description: 'It may refuse what the version before it accepts.',
    }),
    created_by: Type.String({ description: 'Who added this version; `pulse` is Pulse itself.' }),
    created_at: Type.String({ format: 'date-time' }),
  },
  { title: 'EventType', description: 'One version of an event type.' },
);

const limit = limitSchema(LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX);
const version = (description: string) =>
  Type.Optional(Type.Integer({ minimum: 1, maximum: VERSION_MAX, description }));
const params = Type.Object({
  name: Type.String({
    pattern: TYPE_NAME.source,
    examples: ['invoice.paid'],
    description: 'The name of an event type.',
  }),
});

const EventTypeProblem = Type.Object(
  {
    ...PROBLEM_PROPERTIES,
    pointer: Type.Optional(
      Type.String({ description: 'A JSON pointer to the part of the schema; empty: all.' }),
    ),
  },
  { title: 'EventTypeProblem' },
);

export const putEventTypeSchema = {
  operationId: 'putEventType',
  tags: ['events'],
  summary: 'Creates an event type or adds a version',
  description:
    'A new type is 201, a new version 200. The schema that is the newest already, with the same description, adds ' +
    'nothing. A schema that may ' +
    "refuse what the version before it accepts is refused (409) unless `force` is true. The types of Pulse's own " +
    'events cannot be changed.',
  curl: `curl -s -X PUT "$API/event-types/invoice.created" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '${JSON.stringify(EXAMPLE)}'`,
  params,
  querystring: querySchema({
    force: Type.Optional(
      Type.Enum(['true', 'false'], { description: 'Adds the version even if it breaks.' }),
    ),
  }),
  body: Type.Object(
    {
      schema: Type.Object(
        {},
        {
          additionalProperties: true,
          description:
            'JSON Schema 2020-12 for `data`: up to 64 KiB and 2,000 keywords, 32 levels deep, without references to ' +
            'other documents.',
        },
      ),
      description: Type.Optional(
        Type.String({
          maxLength: DESCRIPTION_LENGTH_MAX,
          pattern: '^[^\\u0000]*$',
          description: 'For people. Default: none.',
        }),
      ),
    },
    { additionalProperties: false, examples: [EXAMPLE] },
  ),
  response: {
    200: EventTypeSchema,
    201: EventTypeSchema,
    ...problemResponses(400, 401, 403, 413, 415, 500, 503),
    409: problemResponse(
      'The schema may break, the name is reserved, or there are too many types.',
      EventTypeProblem,
    ),
    422: problemResponse('Event types cannot use this schema.', EventTypeProblem),
  },
};

export const getEventTypeSchema = {
  operationId: 'getEventType',
  tags: ['events'],
  summary: 'Shows an event type',
  description: 'The newest version, or the one asked for.',
  curl: `curl -s "$API/event-types/order.completed?version=1" ${WITH_TOKEN}`,
  params,
  querystring: querySchema({ version: version('Default: the newest.') }),
  response: { 200: EventTypeSchema, ...READ_PROBLEMS },
};

export const listEventTypesSchema = {
  operationId: 'listEventTypes',
  tags: ['events'],
  summary: 'Lists event types',
  description: "By ascending name, each with its newest version; Pulse's own included.",
  curl: `curl -s "$API/event-types?limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    limit,
    after: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: NAME_LENGTH_MAX,
        pattern: '^[^\\u0000]*$',
        description: '`next` of the page before.',
      }),
    ),
  }),
  response: { 200: page(EventTypeSchema), ...LIST_PROBLEMS },
};

export const listVersionsSchema = {
  operationId: 'listEventTypeVersions',
  tags: ['events'],
  summary: 'Lists the versions of an event type, newest first',
  description: 'A version is never changed.',
  curl: `curl -s "$API/event-types/order.completed/versions" ${WITH_TOKEN}`,
  params,
  querystring: querySchema({ limit, after: version('`next` of the page before.') }),
  response: { 200: numberPage(EventTypeSchema), ...READ_PROBLEMS },
};
