/** POST /events. */
import { Type, type Static } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { PROBLEM_PROPERTIES, problemResponse, problemResponses } from '../http/problem-schema.ts';
import { instant } from '../http/schema-terms.ts';
import { EVENT_FAILURES, ID_LENGTH_MAX, NAME_LENGTH_MAX, TYPE_NAME } from './events.ts';
import { EVENTS_MAX } from './read-events.ts';

export const EVENT_EXAMPLE = {
  id: 'invoice-7',
  producer: 'billing',
  type: 'invoice.paid',
  client: '123',
  data: { total: 12.5 },
};

export const CLOUD_EVENT_EXAMPLE = {
  specversion: '1.0',
  id: 'invoice-7',
  source: 'billing',
  type: 'invoice.paid',
  subject: '123',
  data: { total: 12.5 },
};

const name = (description: string) =>
  Type.String({ minLength: 1, maxLength: NAME_LENGTH_MAX, description });
const id = Type.String({
  minLength: 1,
  maxLength: ID_LENGTH_MAX,
  description:
    'Unique for the producer, whatever the client. Keep it when you send the event again.',
});
const type = Type.String({ pattern: TYPE_NAME.source, description: 'The name of an event type.' });
const time = Type.Optional(instant('When it happened. Default: now.'));

export const SentEvent = Type.Object(
  {
    id,
    producer: name('The id of a producer.'),
    type,
    client: name('The id of a customer.'),
    data: Type.Unknown({ description: 'Any JSON that the schema of the type allows.' }),
    timestamp: time,
  },
  { title: 'SentEvent', additionalProperties: false, examples: [EVENT_EXAMPLE] },
);

export const SentCloudEvent = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id,
    source: name('The id of a producer.'),
    type,
    subject: name('The id of a customer.'),
    time,
    data: Type.Optional(Type.Unknown({ description: 'JSON. Default: null.' })),
  },
  { title: 'SentCloudEvent' },
);

const SentEventOutcome = Type.Object(
  {
    index: Type.Integer({ description: 'The position of the event in the request, from 0.' }),
    status: Type.Enum(['stored', 'duplicate', 'rejected'], {
      description:
        '`stored`: it is a message of its client. `duplicate`: the client had a message of this producer with this ' +
        'id, which stays as it is. `rejected`: invalid, or the id is taken for another client; fix it before you ' +
        'send it again.',
    }),
    code: Type.Optional(
      Type.Enum([...EVENT_FAILURES], {
        description:
          'A stable code for programs; only if rejected. `too_costly`: nothing is wrong with the event, but the ' +
          'checks of those before it took too long; send it again, with fewer events at a time.',
      }),
    ),
    pointer: Type.Optional(
      Type.String({
        description:
          'A JSON pointer to what is wrong; empty for the whole event. In a CloudEvent `/producer` is its `source`, ' +
          '`/client` its `subject`.',
      }),
    ),
    detail: Type.Optional(Type.String({ description: 'What is wrong, in a sentence.' })),
  },
  { title: 'SentEventOutcome', description: 'The outcome of one event.' },
);
export type SentEventOutcome = Static<typeof SentEventOutcome>;

const outcomes = Type.Array(SentEventOutcome, {
  description: 'One for each event of the request, in the same order.',
});

export const sendEventsSchema = {
  operationId: 'sendEvents',
  tags: ['events'],
  summary: 'Stores events for their clients',
  description:
    `One event, an array or lines of up to ${EVENTS_MAX}, or CloudEvents 1.0 (also in binary mode, with ` +
    'headers `ce-…` and application/json). Each is stored or rejected separately, ' +
    'and what the answer calls stored is committed. An event that is sent again is a duplicate, so no ' +
    '`Idempotency-Key` is needed. A caller with a list of tenants sends for their customers only.',
  curl: `curl -s -X PUT "$API/customers/123" ${WITH_TOKEN} ${WITH_JSON} -o /dev/null \\
  -d '{"name":"Acme Inc.","email":"billing@acme.example","tenant":"acme"}'
curl -s -X PUT "$API/producers/billing" ${WITH_TOKEN} ${WITH_JSON} -d '{}' -o /dev/null
curl -s -X PUT "$API/event-types/invoice.paid" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"schema":{"type":"object","required":["total"]}}' -o /dev/null
curl -s "$API/events" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '${JSON.stringify(EVENT_EXAMPLE)}'`,
  body: {
    content: {
      'application/json': {
        schema: Type.Union([SentEvent, Type.Array(SentEvent, { maxItems: EVENTS_MAX })]),
      },
      'application/x-ndjson': { schema: Type.String({ description: 'One event per line.' }) },
      'application/cloudevents+json': { schema: SentCloudEvent },
      'application/cloudevents-batch+json': {
        schema: Type.Array(SentCloudEvent, { maxItems: EVENTS_MAX }),
      },
    },
  },
  response: {
    200: Type.Object(
      {
        stored: Type.Integer({ description: 'The number of stored events.' }),
        duplicate: Type.Integer({ description: 'The number of events that were stored before.' }),
        rejected: Type.Integer({ description: 'The number of rejected events.' }),
        outcomes,
      },
      { description: 'At least one event is stored, now or before.' },
    ),
    ...problemResponses(400, 401, 403, 413, 415, 429, 500, 503),
    422: problemResponse(
      'Every event is rejected.',
      Type.Object({ ...PROBLEM_PROPERTIES, outcomes }, { title: 'SendEventsProblem' }),
    ),
  },
};
