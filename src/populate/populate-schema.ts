/** POST /pulses/populate and GET /pulses/populate/:run_id. */
import { Type } from 'typebox';
import { ARRAY_LENGTH_MAX } from '../contract/rules.ts';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { CREATE_PROBLEMS, READ_PROBLEMS } from '../http/problem-schema.ts';
import { uuid } from '../http/schema-terms.ts';

export const PopulateBody = Type.Object(
  {
    total_messages: Type.Integer({
      minimum: 1,
      maximum: 10_000_000,
      description:
        'How many pulses to publish, whatever `pulses_per_message` is. As long as a message is one pulse, ' +
        'this is also the number of messages.',
    }),
    workers_number: Type.Integer({
      minimum: 1,
      maximum: 64,
      description: 'How many publishers share the work.',
    }),
    buffer_size: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      description: 'How many pulses each publisher may have unconfirmed, but at least one message.',
    }),
    pulses_per_message: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: ARRAY_LENGTH_MAX,
        default: 1,
        description:
          'How many pulses each message holds. 1: the message is one pulse. More: it is an array of so many, ' +
          'and the last one has the rest.',
      }),
    ),
  },
  {
    additionalProperties: false,
    examples: [{ total_messages: 1_000, workers_number: 2, buffer_size: 100 }],
  },
);

const RunParams = Type.Object({
  run_id: uuid('The id of a run.'),
});

const nullable = (description: string) =>
  Type.Union([Type.String({ description }), Type.Null()], { description });

const PopulateRunSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    state: Type.Enum(['running', 'completed', 'failed', 'cancelled', 'interrupted'], {
      description: '`interrupted`: the process that ran it has ended.',
    }),
    total_messages: Type.Integer({ description: 'Pulses to publish.' }),
    published: Type.Integer({ description: 'Pulses sent so far.' }),
    confirmed: Type.Integer({ description: 'Pulses that RabbitMQ has confirmed.' }),
    confirmed_messages: Type.Integer({
      description: 'The messages in which these pulses are; fewer if a message holds several.',
    }),
    rate_per_second: Type.Integer({ description: 'Confirmed pulses per second, on average.' }),
    workers_number: Type.Integer(),
    buffer_size: Type.Integer(),
    pulses_per_message: Type.Integer(),
    started_at: Type.String({ format: 'date-time' }),
    finished_at: nullable('When it ended; null while it is running.'),
    error: nullable('Why it failed; null if it did not.'),
  },
  { title: 'PopulateRun', description: 'A populate run and its progress.' },
);

export const startPopulateSchema = {
  operationId: 'startPopulate',
  tags: ['populate'],
  summary: 'Fills the queue with generated pulses',
  description:
    'Starts a run and answers at once; read its progress at `Location`. When too many runs of this ' +
    'process are in progress the answer is 409.',
  curl: `curl -s "$API/pulses/populate" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"total_messages":1000,"workers_number":2,"buffer_size":100}'`,
  body: PopulateBody,
  response: { 202: PopulateRunSchema, ...CREATE_PROBLEMS },
};

export const getPopulateSchema = {
  operationId: 'getPopulate',
  tags: ['populate'],
  summary: 'Shows the progress of a populate run',
  description: 'Poll it until `state` is no longer `running`.',
  curl: `RUN=$(curl -s "$API/pulses/populate" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"total_messages":1000,"workers_number":2,"buffer_size":100}' | jq -r .id)
curl -s "$API/pulses/populate/$RUN" ${WITH_TOKEN}`,
  params: RunParams,
  response: { 200: PopulateRunSchema, ...READ_PROBLEMS },
};
