/** POST /orders, GET /orders and GET /orders/:id. */
import { Type, type Static } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { cursorPaging, page, spanParameters } from '../http/page-schema.ts';
import { LIST_PROBLEMS, problemResponses, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, querySchema, uuid } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { ORDER_STATUSES } from './orders.ts';

export const ITEMS_MAX = 100;
export const QTY_MAX = 1_000_000;
const NAME_LENGTH_MAX = 128;

const EXAMPLE = {
  customer_id: '123',
  items: [
    { sku: 'ABC', qty: 2 },
    { sku: 'XYZ', qty: 1 },
  ],
};

const currency = Type.String({
  pattern: '^[A-Z]{3}$',
  examples: ['USD'],
  description: 'The currency, ISO 4217.',
});
const status = Type.Enum([...ORDER_STATUSES], { description: 'Where the order stands.' });

const NewOrderBody = Type.Object(
  {
    customer_id: textSchema(NAME_LENGTH_MAX, 'The id of a customer.'),
    items: Type.Array(
      Type.Object(
        {
          sku: textSchema(NAME_LENGTH_MAX, 'The SKU of a product; each SKU once.'),
          qty: Type.Integer({ minimum: 1, maximum: QTY_MAX, description: 'How many.' }),
        },
        { additionalProperties: false },
      ),
      { minItems: 1, maxItems: ITEMS_MAX },
    ),
    currency: Type.Optional(currency),
  },
  { additionalProperties: false, examples: [EXAMPLE] },
);

const AcceptedOrder = Type.Object(
  {
    order_id: Type.String({ format: 'uuid' }),
    status: Type.Literal('pending'),
  },
  { title: 'AcceptedOrder', description: 'The order is stored and will be processed.' },
);

const HEAD = {
  id: Type.String({ format: 'uuid' }),
  customer_id: Type.String(),
  status,
  currency,
  total_amount: nullable('The exact total as a decimal string; null until the order is enriched.'),
  failure: Type.Union(
    [
      Type.Object({
        code: Type.String({ description: 'The stable code to program against.' }),
        detail: Type.String({ description: 'The same in a sentence.' }),
      }),
      Type.Null(),
    ],
    { description: 'Why it failed; null unless `status` is `failed`.' },
  ),
  created_at: instant('When it was accepted.'),
  updated_at: instant('When it last changed.'),
};

const OrderSchema = Type.Object(
  {
    ...HEAD,
    items: Type.Array(
      Type.Object({
        sku: Type.String(),
        qty: Type.Integer(),
        unit_amount: Type.Optional(
          Type.String({ description: 'The price of the last unit; there once it is enriched.' }),
        ),
        amount: Type.Optional(Type.String({ description: 'The price of all units together.' })),
      }),
    ),
    enrichment: Type.Unknown({
      description: 'The customer as it was, and what the external service answered; null before.',
    }),
    history: Type.Array(
      Type.Object({
        version: Type.Integer(),
        status,
        reason: Type.String({ description: 'Such as `created`, or the code of a failure.' }),
        detail: nullable('More about the reason.'),
        at: instant('When.'),
      }),
      { description: 'Every change, oldest first.' },
    ),
  },
  { title: 'Order', description: 'An order as it stands.' },
);
export type OrderAnswer = Static<typeof OrderSchema>;

const OrderHeadSchema = Type.Object(HEAD, {
  title: 'OrderHead',
  description: 'An order without its items and history.',
});

const ListOrdersQuery = querySchema({
  customer_id: Type.Optional(textSchema(NAME_LENGTH_MAX, 'Only orders of this customer.')),
  status: Type.Optional(status),
  ...spanParameters('orders accepted'),
  ...cursorPaging(),
});

export const createOrderSchema = {
  operationId: 'createOrder',
  tags: ['orders'],
  summary: 'Creates an order',
  description:
    'Answers as soon as the order is stored; it is priced and checked afterwards. `Location` is where ' +
    'to follow it. Send an `Idempotency-Key` (or `X-Idempotency-Key`): the same key with the same body ' +
    'gives the same order for a day, and the answer then carries `Idempotent-Replayed: true`.',
  curl: `curl -s "$API/orders" ${WITH_TOKEN} ${WITH_JSON} -H 'idempotency-key: '"$(uuidgen || date +%s)" \\
  -d '${JSON.stringify(EXAMPLE)}'`,
  body: NewOrderBody,
  response: {
    202: AcceptedOrder,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
};

export const getOrderSchema = {
  operationId: 'getOrder',
  tags: ['orders'],
  summary: 'Shows an order',
  description: 'With its items, its price once it is enriched, and its history.',
  curl: `ID=$(curl -s "$API/orders" ${WITH_TOKEN} ${WITH_JSON} \\
  -d '${JSON.stringify(EXAMPLE)}' | jq -r .order_id)
curl -s "$API/orders/$ID" ${WITH_TOKEN}`,
  params: Type.Object({ id: uuid('The id of an order.') }),
  response: { 200: OrderSchema, ...READ_PROBLEMS },
};

export const listOrdersSchema = {
  operationId: 'listOrders',
  tags: ['orders'],
  summary: 'Lists orders, newest first',
  description: 'Page by page: `next`, also in `Link`, leads to the next page.',
  curl: `curl -s "$API/orders?status=failed&limit=10" ${WITH_TOKEN}`,
  querystring: ListOrdersQuery,
  response: { 200: page(OrderHeadSchema), ...LIST_PROBLEMS },
};
