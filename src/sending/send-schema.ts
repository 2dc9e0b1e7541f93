/** POST /pulses. */
import { Type } from 'typebox';
import { REJECTION_REASONS } from '../contract/rejection.ts';
import { ARRAY_LENGTH_MAX } from '../contract/rules.ts';
import { PROBLEM_MEDIA_TYPE } from '../http/problems.ts';
import { SEND_REFUSALS } from './sent-pulse.ts';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { PROBLEM_PROPERTIES, problemResponses } from '../http/problem-schema.ts';
import { QueuedPulse } from '../contract/queued-pulse-schema.ts';

const { tenant, product_sku, use_unity, used_amount, id, timestamp } = QueuedPulse.properties;

/** A pulse as a message carries it, but for what stands in for what is missing. */
const SentPulse = Type.Object(
  {
    ...{ tenant, product_sku, use_unity, used_amount },
    id: Type.Optional({
      ...id,
      description: 'Unique per tenant; the same pulse keeps its id. Missing: a UUIDv7.',
    }),
    timestamp: Type.Optional({ ...timestamp, description: 'When it was used. Missing: now.' }),
  },
  {
    title: 'SentPulse',
    examples: [
      { tenant: 'acme', product_sku: 'object-storage', use_unity: 'GB', used_amount: '3.5' },
    ],
  },
);

const CloudEvent = Type.Object(
  {
    specversion: Type.Literal('1.0'),
    id: Type.String({ minLength: 1 }),
    source: Type.String({ minLength: 1, description: 'With `id` the identity of the pulse.' }),
    type: Type.String({ minLength: 1 }),
    subject: Type.String({ description: 'The tenant.' }),
    time: Type.Optional(Type.String({ format: 'date-time' })),
    data: Type.Optional(Type.Object({ product_sku, use_unity, used_amount })),
    data_base64: Type.Optional(Type.String({ description: 'The same as JSON in base64.' })),
  },
  { title: 'CloudEvent' },
);

const SendOutcome = Type.Object(
  {
    index: Type.Integer({ description: 'The place of the pulse in the request, from 0.' }),
    status: Type.Enum(['accepted', 'rejected', 'unconfirmed'], {
      description:
        '`accepted`: RabbitMQ has it. `rejected`: never works as it is. `unconfirmed`: nobody ' +
        'knows; send it again with this `id` and it counts once.',
    }),
    id: Type.Optional(Type.String({ description: 'Its id, given or new; missing when rejected.' })),
    field: Type.Optional(Type.String({ description: 'The wrong member; `body` for all of it.' })),
    code: Type.Optional(
      Type.Enum([...REJECTION_REASONS, ...SEND_REFUSALS, 'unconfirmed'], {
        description: 'Stable; missing when accepted.',
      }),
    ),
    reason: Type.Optional(Type.String({ description: 'What is wrong, in a sentence.' })),
  },
  { title: 'SendOutcome', description: 'What became of one pulse.' },
);

const outcomes = Type.Array(SendOutcome, {
  description: 'One for each pulse of the request, in its order.',
});

const problemWithOutcomes = (description: string) => ({
  description,
  content: {
    [PROBLEM_MEDIA_TYPE]: {
      schema: Type.Object(
        { ...PROBLEM_PROPERTIES, outcomes: Type.Optional(outcomes) },
        { title: 'SendProblem' },
      ),
    },
  },
});

export const sendPulsesSchema = {
  operationId: 'sendPulses',
  tags: ['sending'],
  summary: 'Sends pulses to be counted',
  description:
    'One pulse, an array or lines of up to 1,000, or CloudEvents 1.0 (also in binary mode, with ' +
    'headers `ce-…` beside application/json). Each pulse stands alone; those accepted are confirmed ' +
    'by RabbitMQ before the answer. The optional header `Idempotency-Key` makes the whole request safe to repeat.',
  curl: `curl -s "$API/pulses" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"tenant":"acme","product_sku":"cpu","use_unity":"h","used_amount":"0.25"}'`,
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({
        pattern: '^[!-~]{1,128}$',
        description: 'New for every request, the same for every repetition; kept for a day.',
      }),
    ),
  }),
  body: {
    content: {
      'application/json': {
        schema: Type.Union([SentPulse, Type.Array(SentPulse, { maxItems: ARRAY_LENGTH_MAX })]),
      },
      'application/x-ndjson': { schema: Type.String({ description: 'A pulse a line.' }) },
      'application/cloudevents+json': { schema: CloudEvent },
      'application/cloudevents-batch+json': {
        schema: Type.Array(CloudEvent, { maxItems: ARRAY_LENGTH_MAX }),
      },
    },
  },
  response: {
    202: Type.Object(
      {
        accepted: Type.Integer({ description: 'How many are accepted.' }),
        rejected: Type.Integer({ description: 'How many are rejected.' }),
        unconfirmed: Type.Integer({ description: 'How many nobody knows of.' }),
        outcomes,
      },
      { description: 'At least one pulse is accepted.' },
    ),
    ...problemResponses(400, 401, 403, 409, 413, 415, 429, 500),
    422: problemWithOutcomes(
      'Every pulse is rejected, or the Idempotency-Key was used for another body.',
    ),
    503: problemWithOutcomes(
      'No pulse was confirmed, or a server behind the API is away; `Retry-After` says when to come back.',
    ),
  },
};
