/** The routes below /producers. */
import { Type, type TSchema } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { problemResponses } from '../http/problem-schema.ts';
import { textSchema } from '../http/text-schema.ts';
import { NAME_LENGTH_MAX } from './events.ts';

export const LIST_LIMIT_DEFAULT = 100;
const LIST_LIMIT_MAX = 1_000;
const LABEL_LENGTH_MAX = 256;

const EXAMPLE = { name: 'The billing service' };

const ProducerSchema = Type.Object(
  {
    id: Type.String(),
    name: Type.Union([Type.String(), Type.Null()], { description: 'For people.' }),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: Type.String({ format: 'date-time', description: 'When its name last changed.' }),
  },
  { title: 'Producer', description: 'Who sends events.' },
);

/** One page of a list by key. */
export const page = <Item extends TSchema>(item: Item) =>
  Type.Object(
    {
      data: Type.Array(item),
      next: Type.Union([Type.String(), Type.Null()], {
        description: 'Send it as `after`; null on the last page.',
      }),
    },
    { description: 'One page.' },
  );

const params = Type.Object({ id: textSchema(NAME_LENGTH_MAX, 'The id of a producer.') });

export const putProducerSchema = {
  operationId: 'putProducer',
  tags: ['events'],
  summary: 'Registers a producer or renames it',
  description: 'Events of a producer that is not registered are rejected. `pulse` is Pulse itself.',
  curl: `curl -s -X PUT "$API/producers/billing" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '${JSON.stringify(EXAMPLE)}'`,
  params,
  body: Type.Object(
    { name: Type.Optional(textSchema(LABEL_LENGTH_MAX, 'For people. Default: none.')) },
    { additionalProperties: false, examples: [EXAMPLE] },
  ),
  response: {
    200: ProducerSchema,
    201: ProducerSchema,
    ...problemResponses(400, 401, 403, 409, 413, 415, 500, 503),
  },
};

export const getProducerSchema = {
  operationId: 'getProducer',
  tags: ['events'],
  summary: 'Shows a producer',
  description: 'By its id.',
  curl: `curl -s "$API/producers/pulse" ${WITH_TOKEN}`,
  params,
  response: { 200: ProducerSchema, ...problemResponses(400, 401, 403, 404, 500, 503) },
};

export const listProducersSchema = {
  operationId: 'listProducers',
  tags: ['events'],
  summary: 'Lists producers',
  description: 'By ascending id.',
  curl: `curl -s "$API/producers?limit=10" ${WITH_TOKEN}`,
  querystring: Type.Object(
    {
      limit: Type.Optional(
        Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX, default: LIST_LIMIT_DEFAULT }),
      ),
      after: Type.Optional(textSchema(NAME_LENGTH_MAX, '`next` of the page before.')),
    },
    { additionalProperties: false },
  ),
  response: { 200: page(ProducerSchema), ...problemResponses(400, 401, 403, 500, 503) },
};
