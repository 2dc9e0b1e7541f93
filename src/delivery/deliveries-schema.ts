/** The routes below /deliveries. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import {
  cursorPaging,
  numberPage,
  numberPaging,
  page,
  spanParameters,
} from '../http/page-schema.ts';
import { CHANGE_PROBLEMS, LIST_PROBLEMS, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, orNull, querySchema, uuid } from '../http/schema-terms.ts';
import { DELIVERY_STATUSES } from './delivery.ts';
import { ATTEMPT, exampleEndpoint, idSchema, nullableInstant } from './schema-terms.ts';

const status = Type.Enum([...DELIVERY_STATUSES], {
  description: '`pending` until it is delivered, or all of its attempts have failed.',
});

const DeliverySchema = Type.Object(
  {
    id: uuid('The id of the delivery.'),
    endpoint: Type.String({ description: 'The id of the endpoint.' }),
    client: Type.String({ description: 'The id of the customer.' }),
    producer: Type.String(),
    message_id: Type.String({ description: 'The id that the producer gave to the event.' }),
    webhook_id: Type.String({ description: 'The header `webhook-id`, the same at each attempt.' }),
    number: Type.Integer({ description: 'Of the event, among those of the client.' }),
    type: Type.String(),
    status,
    attempt_count: Type.Integer({ description: 'How often it was sent.' }),
    next_attempt_at: nullableInstant('When it is sent next; null: it is not pending.'),
    last_status_code: orNull(Type.Integer(), 'Of the last attempt; null: there was no answer.'),
    last_error: nullable('Of the last attempt; null where the status code says it all.'),
    created_at: instant('When it was created.'),
    updated_at: instant('When it last changed.'),
  },
  { title: 'Delivery', description: 'One event for one endpoint.' },
);

const AttemptSchema = Type.Object(
  {
    number: Type.Integer({ description: 'From 1.' }),
    ...ATTEMPT,
  },
  { title: 'DeliveryAttempt', description: 'One attempt to deliver.' },
);

const params = Type.Object({ id: uuid('The id of a delivery.') });

/** Makes the deliveries of what is stored already. */
const DELIVERY = `${exampleEndpoint('example')} > /dev/null
curl -s "$API/endpoints/example/recover" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '{"since":"2026-01-01T00:00:00Z"}' > /dev/null
DELIVERY=$(curl -s "$API/deliveries?endpoint=example&limit=1" ${WITH_TOKEN} | jq -r '.data[0].id')`;

export const listDeliveriesSchema = {
  operationId: 'listDeliveries',
  tags: ['webhooks'],
  summary: 'Lists deliveries, newest first',
  description: 'Page by page: `next`, also in `Link`, leads to the next page.',
  curl: `curl -s "$API/deliveries?client=123&status=failed&limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    client: Type.Optional(idSchema('Only of this customer.')),
    endpoint: Type.Optional(idSchema('Only of this endpoint.')),
    status: Type.Optional(status),
    ...spanParameters('those created'),
    ...cursorPaging(),
  }),
  response: { 200: page(DeliverySchema), ...LIST_PROBLEMS },
};

export const getDeliverySchema = {
  operationId: 'getDelivery',
  tags: ['webhooks'],
  summary: 'Shows a delivery',
  description: 'With what its last attempt came to.',
  curl: `${DELIVERY}
curl -s "$API/deliveries/$DELIVERY" ${WITH_TOKEN}`,
  params,
  response: { 200: DeliverySchema, ...READ_PROBLEMS },
};

export const listAttemptsSchema = {
  operationId: 'listDeliveryAttempts',
  tags: ['webhooks'],
  summary: 'Lists the attempts of a delivery, newest first',
  description: 'With the start of each answer.',
  curl: `${DELIVERY}
curl -s "$API/deliveries/$DELIVERY/attempts" ${WITH_TOKEN}`,
  params,
  querystring: querySchema(numberPaging),
  response: { 200: numberPage(AttemptSchema), ...READ_PROBLEMS },
};

export const resendDeliverySchema = {
  operationId: 'resendDelivery',
  tags: ['webhooks'],
  summary: 'Sends a delivery again',
  description:
    'At once, and as often as a new one. With `endpoint`, the event goes to another endpoint of the same client, ' +
    'whatever its types and its filter; the answer is then the delivery to that one.',
  curl: `${DELIVERY}
curl -s "$API/deliveries/$DELIVERY/resend" ${WITH_TOKEN} ${WITH_JSON} -d '{}'`,
  params,
  body: Type.Object(
    {
      endpoint: Type.Optional(
        idSchema('Another endpoint of the same client. Default: the same one.'),
      ),
    },
    { additionalProperties: false, examples: [{ endpoint: 'example' }] },
  ),
  response: { 202: DeliverySchema, ...CHANGE_PROBLEMS },
};
