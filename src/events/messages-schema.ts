/** The routes below /messages. */
import { Type } from 'typebox';
import { WITH_TOKEN } from '../http/example-terms.ts';
import { limitSchema, spanParameters } from '../http/page-schema.ts';
import { LIST_PROBLEMS, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, querySchema } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { ID_LENGTH_MAX, NAME_LENGTH_MAX } from './events.ts';

export const LIST_LIMIT_DEFAULT = 100;
/** A producer and an id of the longest texts, in base64. */
const CURSOR_LENGTH_MAX = 4_096;

export const MessageSchema = Type.Object(
  {
    producer: Type.String(),
    id: Type.String({ description: 'Unique for the producer.' }),
    type: Type.String(),
    type_version: Type.Integer({ description: 'The version that `data` was validated against.' }),
    client: Type.String({ description: 'The id of a customer.' }),
    number: Type.Integer({ description: 'From 1, without a gap for each client.' }),
    timestamp: instant('When it happened.'),
    stored_at: instant('When it was stored.'),
    data: Type.Unknown({ description: 'The JSON text that was sent, to the digit.' }),
  },
  { title: 'Message', description: 'An event as it is stored for its client.' },
);

export const listMessagesSchema = {
  operationId: 'listMessages',
  tags: ['events'],
  summary: 'Lists messages, newest first, or pulls those of a client by number',
  description:
    'With `client` and a number as `after`, beginning with `after=0`, the messages of the client come by ascending ' +
    'number. `next` is then never null: it is the number to go on from, now or later. Without it the newest come ' +
    'first, and `next` is a cursor. A page also ends when its data exceeds 4 MiB.',
  curl: `curl -s "$API/messages?client=123&after=0&limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    client: Type.Optional(textSchema(NAME_LENGTH_MAX, 'Only for this customer.')),
    producer: Type.Optional(textSchema(NAME_LENGTH_MAX, 'Only from this producer.')),
    type: Type.Optional(textSchema(NAME_LENGTH_MAX, 'Only of this type.')),
    ...spanParameters('messages stored'),
    limit: limitSchema(LIST_LIMIT_DEFAULT),
    after: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: CURSOR_LENGTH_MAX,
        description: '`next` of the page before; or, with `client`, the number of a message, or 0.',
      }),
    ),
  }),
  response: {
    200: Type.Object(
      {
        data: Type.Array(MessageSchema),
        next: nullable('Send it as `after`. Null on the last page, but never when pulling.'),
      },
      { description: 'One page.' },
    ),
    ...LIST_PROBLEMS,
  },
};

export const getMessageSchema = {
  operationId: 'getMessage',
  tags: ['events'],
  summary: 'Shows a message',
  description: 'By its producer and its id.',
  curl: `MESSAGE=$(curl -s "$API/messages?limit=1" ${WITH_TOKEN} |
  jq -r '.data[0] | (.producer|@uri) + "/" + (.id|@uri)')
curl -s "$API/messages/$MESSAGE" ${WITH_TOKEN}`,
  params: Type.Object({
    producer: textSchema(NAME_LENGTH_MAX, 'The id of a producer.'),
    id: textSchema(ID_LENGTH_MAX, 'The id of the event.'),
  }),
  response: { 200: MessageSchema, ...READ_PROBLEMS },
};
