/** POST /subscriptions, PUT /subscriptions/:id/status, and what reads or withdraws. */
import { Type } from 'typebox';
import { WITH_JSON, WITH_TOKEN } from '../http/example-terms.ts';
import { cursorPaging, numberPage, numberPaging, page } from '../http/page-schema.ts';
import { LIST_PROBLEMS, problemResponses, READ_PROBLEMS } from '../http/problem-schema.ts';
import { instant, nullable, querySchema, uuid } from '../http/schema-terms.ts';
import { textSchema } from '../http/text-schema.ts';
import { CHANGE_CAUSES, CHANGE_KINDS, SUBSCRIPTION_STATUSES } from './subscriptions.ts';

const NAME_LENGTH_MAX = 128;

const EXAMPLE = { user_id: '123', sku: 'ABC' };

const status = Type.Enum([...SUBSCRIPTION_STATUSES], {
  description: '`pending` until the purchase takes effect.',
});
const kind = Type.Enum([...CHANGE_KINDS], { description: 'What changes.' });
const number = Type.Integer({ description: 'From 1, in the order in which changes were made.' });
const effectiveAt = Type.Optional(
  instant(
    'When the change takes effect. Default: at once. In the future it is pending until then; in the ' +
      'past it must not be before the last change.',
  ),
);

const PurchaseBody = Type.Object(
  {
    user_id: Type.Union(
      [
        textSchema(NAME_LENGTH_MAX, 'The id of a customer.'),
        Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
      ],
      { description: 'The id of a customer. An integer stands for its digits.' },
    ),
    sku: Type.Optional(
      textSchema(NAME_LENGTH_MAX, 'The SKU of a product. Default: every product.'),
    ),
    order_id: Type.Optional(uuid('The order that it belongs to; only shown.')),
    effective_at: effectiveAt,
  },
  { additionalProperties: false, examples: [EXAMPLE] },
);

const StatusBody = Type.Object(
  {
    canceled: Type.Optional(Type.Literal(true, { description: 'Cancels the subscription.' })),
    restarted: Type.Optional(
      Type.Literal(true, { description: 'Restarts the canceled subscription.' }),
    ),
    effective_at: effectiveAt,
  },
  {
    additionalProperties: false,
    description: 'Exactly one of `canceled` and `restarted`.',
    examples: [{ canceled: true }],
  },
);

const SubscriptionSchema = Type.Object(
  {
    id: uuid('The id of the subscription.'),
    user_id: Type.String(),
    sku: nullable('Null: for every product.'),
    order_id: nullable('The order that it belongs to.'),
    tenant: nullable('Of its customer, as it is now; null if there is none.'),
    status,
    pending: Type.Array(
      Type.Object({ number, kind, effective_at: instant('When it takes effect.') }),
      { description: 'Changes that have not taken effect, in their order.' },
    ),
    version: Type.Integer({ description: 'Raised by every change.' }),
    created_at: instant('When it was purchased.'),
    updated_at: instant('When it last changed.'),
  },
  { title: 'Subscription', description: 'A subscription as it stands.' },
);

const SubscriptionChange = Type.Object(
  {
    number,
    kind,
    state: Type.Enum(['in_effect', 'pending', 'withdrawn'], { description: 'Where it stands.' }),
    effective_at: instant('When it takes effect.'),
    cause: Type.Enum([...CHANGE_CAUSES], { description: 'What made it.' }),
    changed_by: Type.String({ description: 'Who made it.' }),
    changed_at: instant('When it was made.'),
    withdrawn_by: nullable('Who withdrew it.'),
    withdrawn_at: nullable('When it was withdrawn.'),
  },
  { title: 'SubscriptionChange', description: 'A change of a subscription.' },
);

const LateChange = Type.Object(
  { id: uuid('The id of the subscription.') },
  {
    title: 'LateChange',
    description:
      'RabbitMQ has the request, and nobody has answered it yet. It will be handled once; `Location` shows it then. ' +
      'Sent again with the same `Idempotency-Key`, the request waits for the same answer.',
  },
);

const params = Type.Object({ id: uuid('The id of a subscription.') });
const KEY = 'Send an `Idempotency-Key` to repeat the request safely for a day.';
const PURCHASE = `curl -s "$API/subscriptions" ${WITH_TOKEN} ${WITH_JSON} -d '${JSON.stringify(EXAMPLE)}'`;
const NEW_ID = `ID=$(${PURCHASE} | jq -r .id)`;

export const purchaseSchema = {
  operationId: 'purchaseSubscription',
  tags: ['subscriptions'],
  summary: 'Purchases a subscription',
  description: `A message asks for it; the answer is the row that the reply carried, or 202 without a reply. ${KEY}`,
  curl: PURCHASE,
  body: PurchaseBody,
  response: {
    201: SubscriptionSchema,
    202: LateChange,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
};

export const changeStatusSchema = {
  operationId: 'changeSubscription',
  tags: ['subscriptions'],
  summary: 'Cancels or restarts a subscription',
  description: `As a purchase does, it answers what the reply carried. ${KEY}`,
  curl: `${NEW_ID}
curl -s -X PUT "$API/subscriptions/$ID/status" ${WITH_TOKEN} ${WITH_JSON} -d '{"canceled":true}'`,
  params,
  body: StatusBody,
  response: {
    200: SubscriptionSchema,
    202: LateChange,
    ...problemResponses(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
  },
};

export const listSubscriptionsSchema = {
  operationId: 'listSubscriptions',
  tags: ['subscriptions'],
  summary: 'Lists subscriptions, newest first',
  description: 'Page by page: `next`, also in `Link`, leads to the next page.',
  curl: `curl -s "$API/subscriptions?status=active&limit=10" ${WITH_TOKEN}`,
  querystring: querySchema({
    user_id: Type.Optional(textSchema(NAME_LENGTH_MAX, 'Only of this user.')),
    tenant: Type.Optional(textSchema(NAME_LENGTH_MAX, 'Only of this tenant.')),
    status: Type.Optional(status),
    sku: Type.Optional(textSchema(NAME_LENGTH_MAX, 'Only of this product.')),
    ...cursorPaging(),
  }),
  response: { 200: page(SubscriptionSchema), ...LIST_PROBLEMS },
};

export const getSubscriptionSchema = {
  operationId: 'getSubscription',
  tags: ['subscriptions'],
  summary: 'Shows a subscription',
  description: 'With its pending changes.',
  curl: `${NEW_ID}
curl -s "$API/subscriptions/$ID" ${WITH_TOKEN}`,
  params,
  response: { 200: SubscriptionSchema, ...READ_PROBLEMS },
};

export const listChangesSchema = {
  operationId: 'listSubscriptionChanges',
  tags: ['subscriptions'],
  summary: 'Lists the changes of a subscription, newest first',
  description: 'With who made them, and those that were withdrawn.',
  curl: `${NEW_ID}
curl -s "$API/subscriptions/$ID/changes" ${WITH_TOKEN}`,
  params,
  querystring: querySchema(numberPaging),
  response: { 200: numberPage(SubscriptionChange), ...READ_PROBLEMS },
};

export const withdrawChangeSchema = {
  operationId: 'withdrawSubscriptionChange',
  tags: ['subscriptions'],
  summary: 'Withdraws a pending change',
  description:
    'Only the last pending change can be withdrawn: what follows it would not fit any more.',
  curl: `${NEW_ID}
curl -s -X PUT "$API/subscriptions/$ID/status" ${WITH_TOKEN} ${WITH_JSON} \\
  -d "{\\"canceled\\":true,\\"effective_at\\":\\"$(date -u -d tomorrow +%FT00:00:00Z)\\"}"
curl -s -X DELETE "$API/subscriptions/$ID/changes/2" ${WITH_TOKEN}`,
  params: Type.Object({
    id: uuid('The id of a subscription.'),
    number: Type.String({ pattern: '^[1-9]\\d{0,8}$', description: 'Of a pending change.' }),
  }),
  response: { 200: SubscriptionSchema, ...problemResponses(400, 401, 403, 404, 409, 500, 503) },
};
