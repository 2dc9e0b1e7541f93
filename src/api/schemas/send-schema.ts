/** POST /pulses. */
import { Type } from 'typebox';
import { REJECTION_REASONS } from '../../core/rejection.ts';
import { PROBLEM_MEDIA_TYPE } from '../problems.ts';
import { SEND_REFUSALS } from '../sending/sent-pulse.ts';
import { PROBLEM_PROPERTIES, problemResponses } from './problem-schema.ts';

/** What the sender may write; what it may say is checked by ingest's own rules, not by this schema. */
const Pulse = Type.Object(
  {
    tenant: Type.String({ description: 'Who is billed: 1 to 128 characters.' }),
    product_sku: Type.String({ description: 'What was used: 1 to 128 characters.' }),
    use_unity: Type.String({ description: 'The unit of the amount: 1 to 64 characters.' }),
    used_amount: Type.Union([Type.String(), Type.Number()], {
      description:
        'Greater than 0, at most 15 digits before and 9 after the point: a decimal string, or a ' +
        'number of at most 15 significant digits.',
    }),
    id: Type.Optional(
      Type.String({ description: '1 to 128 characters, unique per tenant. Missing: a UUIDv7.' }),
    ),
    timestamp: Type.Optional(
      Type.String({ format: 'date-time', description: 'When it was used. Missing: now.' }),
    ),
  },
  {
    examples: [
      { tenant: 'acme', product_sku: 'object-storage', use_unity: 'GB', used_amount: '3.5' },
    ],
  },
);

const CloudEvent = Type.Object({
  specversion: Type.Literal('1.0'),
  id: Type.String({ minLength: 1 }),
  source: Type.String({ minLength: 1, description: 'With `id` the identity of the pulse.' }),
  type: Type.String({ minLength: 1 }),
  subject: Type.String({ description: 'The tenant.' }),
  time: Type.Optional(Type.String({ format: 'date-time' })),
  data: Type.Optional(
    Type.Object({
      product_sku: Type.String(),
      use_unity: Type.String(),
      used_amount: Type.Union([Type.String(), Type.Number()]),
    }),
  ),
  data_base64: Type.Optional(Type.String({ description: 'The same as JSON in base64.' })),
});

const OUTCOMES = {
  outcomes: Type.Array(
    Type.Object({
      index: Type.Integer({ description: 'The place of the pulse in the request, from 0.' }),
      status: Type.Enum(['accepted', 'rejected', 'unconfirmed'], {
        description:
          '`accepted`: RabbitMQ has it. `rejected`: never works as it is. `unconfirmed`: nobody ' +
          'knows; send it again with this `id` and it counts once.',
      }),
      id: Type.Optional(
        Type.String({ description: 'Its id, given or new; missing when rejected.' }),
      ),
      field: Type.Optional(Type.String({ description: 'The wrong member; `body` for all of it.' })),
      code: Type.Optional(
        Type.Enum([...REJECTION_REASONS, ...SEND_REFUSALS, 'unconfirmed'], {
          description: 'Stable; missing when accepted.',
        }),
      ),
      reason: Type.Optional(Type.String({ description: 'What is wrong, in a sentence.' })),
    }),
    { description: 'One for each pulse of the request, in its order.' },
  ),
};

const problemWithOutcomes = (description: string) => ({
  description,
  content: {
    [PROBLEM_MEDIA_TYPE]: {
      schema: Type.Object({
        ...PROBLEM_PROPERTIES,
        outcomes: Type.Optional(OUTCOMES.outcomes),
      }),
    },
  },
});

export const sendPulsesSchema = {
  operationId: 'sendPulses',
  tags: ['pulses'],
  summary: 'Sends pulses to be counted',
  description:
    'One pulse, an array or lines of up to 1,000, or CloudEvents 1.0 (also in binary mode, with ' +
    'headers `ce-…` beside application/json). Each pulse stands alone; those accepted are confirmed ' +
    'by RabbitMQ before the answer. The optional header `Idempotency-Key` makes the whole request safe to repeat.',
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
      'application/json': { schema: Type.Union([Pulse, Type.Array(Pulse, { maxItems: 1_000 })]) },
      'application/x-ndjson': { schema: Type.String({ description: 'A pulse a line.' }) },
      'application/cloudevents+json': { schema: CloudEvent },
      'application/cloudevents-batch+json': { schema: Type.Array(CloudEvent, { maxItems: 1_000 }) },
    },
  },
  response: {
    202: Type.Object(
      {
        accepted: Type.Integer({ description: 'How many are accepted.' }),
        rejected: Type.Integer({ description: 'How many are rejected.' }),
        unconfirmed: Type.Integer({ description: 'How many nobody knows of.' }),
        ...OUTCOMES,
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
