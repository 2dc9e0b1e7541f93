/** The routes below /producers. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { keyPaging, page } from '../http/page-schema.ts';
import { CREATE_PROBLEMS, LIST_PROBLEMS, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, querySchema } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { NAME_LENGTH_MAX } from './events.ts';

export const LIST_LIMIT_DEFAULT = 100;
const LABEL_LENGTH_MAX = 256;

const EXAMPLE = { name: 'The billing service' };

const ProducerSchema = Type.Object(
  {
    id: Type.String(),
    name: nullable('For people.'),
    created_at: Type.String({ format: 'date-time' }),
    updated_at: instant('When its name last changed.'),
  },
  { title: 'Producer', description: 'Who sends events.' },
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
  response: { 200: ProducerSchema, 201: ProducerSchema, ...CREATE_PROBLEMS },
};

export const getProducerSchema = {
  operationId: 'getProducer',
  tags: ['events'],
  summary: 'Shows a producer',
  description: 'By its id.',
  curl: `curl -s "$API/producers/pulse" ${WITH_TOKEN}`,
  params,
  response: { 200: ProducerSchema, ...READ_PROBLEMS },
};

export const listProducersSchema = {
  operationId: 'listProducers',
  tags: ['events'],
  summary: 'Lists producers',
  description: 'By ascending id.',
  curl: `curl -s "$API/producers?limit=10" ${WITH_TOKEN}`,
  querystring: querySchema(keyPaging(NAME_LENGTH_MAX, LIST_LIMIT_DEFAULT)),
  response: { 200: page(ProducerSchema), ...LIST_PROBLEMS },
};
