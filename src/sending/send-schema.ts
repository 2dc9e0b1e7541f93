/** POST /pulses. */
import { Type } from 'typebox';
import { REJECTION_REASONS } from '../contract/rejection.ts';
import { ARRAY_LENGTH_MAX } from '../contract/rules.ts';
import { PROBLEM_PROPERTIES, problemResponse, problemResponses } from '../http/problem-schema.ts';
import { SEND_REFUSALS } from './sent-pulse.ts';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { QueuedPulse } from '../contract/queued-pulse-schema.ts';

const { tenant, product_sku, use_unity, used_amount, id, timestamp } = QueuedPulse.properties;

/** A pulse as in a message, except for the defaults of its optional members. */
const SentPulse = Type.Object(
  {
    tenant,
    product_sku,
    use_unity,
    used_amount,
    id: Type.Optional({
      ...id,
      description: 'Unique per tenant. Keep it when you send the pulse again. Default: a UUIDv7.',
    }),
    timestamp: Type.Optional({ ...timestamp, description: 'The time of use. Default: now.' }),
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
    source: Type.String({ minLength: 1, description: 'With `id`, the identity of the pulse.' }),
    type: Type.String({ minLength: 1 }),
    subject: Type.String({ description: 'The tenant.' }),
    time: Type.Optional(Type.String({ format: 'date-time' })),
    data: Type.Optional(Type.Object({ product_sku, use_unity, used_amount })),
    data_base64: Type.Optional(Type.String({ description: '`data` as JSON in base64.' })),
  },
  { title: 'CloudEvent' },
);

const SendOutcome = Type.Object(
  {
    index: Type.Integer({ description: 'The position of the pulse in the request, from 0.' }),
    status: Type.Enum(['accepted', 'rejected', 'unconfirmed'], {
      description:
        '`accepted`: RabbitMQ has it. `rejected`: see `code`; fix it before you send it again, or with ' +
        '`too_many_sums` wait. ' +
        '`unconfirmed`: unknown; send it again with this `id`, and it is counted once.',
    }),
    id: Type.Optional(Type.String({ description: 'The given or new id; missing if rejected.' })),
    field: Type.Optional(
      Type.String({ description: 'The invalid member; `body` for the whole pulse.' }),
    ),
    code: Type.Optional(
      Type.Enum([...REJECTION_REASONS, ...SEND_REFUSALS, 'unconfirmed'], {
        description: 'A stable code for programs; missing if accepted.',
      }),
    ),
    reason: Type.Optional(Type.String({ description: 'What is wrong, in a sentence.' })),
  },
  { title: 'SendOutcome', description: 'The outcome of one pulse.' },
);

const outcomes = Type.Array(SendOutcome, {
  description: 'One for each pulse of the request, in the same order.',
});

const SendProblem = Type.Object(
  { ...PROBLEM_PROPERTIES, outcomes: Type.Optional(outcomes) },
  { title: 'SendProblem' },
);

export const sendPulsesSchema = {
  operationId: 'sendPulses',
  tags: ['sending'],
  summary: 'Sends pulses to be counted',
  description:
    'One pulse, an array or lines of up to 1,000, or CloudEvents 1.0 (also in binary mode, with ' +
    'headers `ce-…` and application/json). Each pulse is accepted or rejected separately. RabbitMQ has confirmed the ' +
    'accepted ones before the answer. The optional header `Idempotency-Key` makes the whole request safe to repeat.',
  curl: `curl -s "$API/pulses" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"tenant":"acme","product_sku":"cpu","use_unity":"h","used_amount":"0.25"}'`,
  headers: Type.Object({
    'idempotency-key': Type.Optional(
      Type.String({
        pattern: '^[!-~]{1,128}$',
        description: 'New for each request, the same for each retry. Valid for a day.',
      }),
    ),
  }),
  body: {
    content: {
      'application/json': {
        schema: Type.Union([SentPulse, Type.Array(SentPulse, { maxItems: ARRAY_LENGTH_MAX })]),
      },
      'application/x-ndjson': { schema: Type.String({ description: 'One pulse per line.' }) },
      'application/cloudevents+json': { schema: CloudEvent },
      'application/cloudevents-batch+json': {
        schema: Type.Array(CloudEvent, { maxItems: ARRAY_LENGTH_MAX }),
      },
    },
  },
  response: {
    202: Type.Object(
      {
        accepted: Type.Integer({ description: 'The number of accepted pulses.' }),
        rejected: Type.Integer({ description: 'The number of rejected pulses.' }),
        unconfirmed: Type.Integer({ description: 'The number of unconfirmed pulses.' }),
        outcomes,
      },
      { description: 'At least one pulse is accepted.' },
    ),
    ...problemResponses(400, 401, 403, 409, 413, 415, 429, 500),
    422: problemResponse(
      'Every pulse is rejected, or the Idempotency-Key was used for another body.',
      SendProblem,
    ),
    503: problemResponse(
      'No pulse was confirmed, or a server behind the API is unavailable; `Retry-After` says when to try again.',
      SendProblem,
    ),
  },
};
