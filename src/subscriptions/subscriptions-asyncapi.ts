/** The exchange and queues of subscriptions in the AsyncAPI document: requests with their replies, and announcements. */
import { Type } from 'typebox';
import {
  durableOperation,
  exchangeBinding,
  RABBIT_USER,
  ref,
  type QueueDescription,
} from '../http/queue-description.ts';
import { instant, uuid } from '../http/schema-terms.ts';
import { subscriptionQueues } from './subscriptions-queues.ts';
import { CHANGE_KINDS, REFUSAL_CODES, type ChangeKind } from './subscriptions.ts';

const effectiveAt = instant('When the change takes effect.');
const id = uuid('The id of a subscription.');

const PurchaseRequest = Type.Object(
  {
    user_id: Type.Union([Type.String(), Type.Integer()], {
      description: 'The id of a customer. An integer stands for its digits.',
    }),
    sku: Type.Optional(Type.String({ description: 'Default: every product.' })),
    order_id: Type.Optional(uuid('The order that it belongs to; only shown.')),
    id: Type.Optional(uuid('Of the new subscription. Default: a new one.')),
    effective_at: Type.Optional(effectiveAt),
  },
  { title: 'SubscriptionPurchase' },
);
const ChangeRequestBody = Type.Object(
  { id, effective_at: Type.Optional(effectiveAt) },
  { title: 'SubscriptionChangeRequest' },
);
const Reply = Type.Object(
  {
    ok: Type.Boolean({ description: 'Whether the change is made, or pending.' }),
    subscription: Type.Optional(
      Type.Object({ id }, { description: 'The row, as `GET /subscriptions/{id}` shows it.' }),
    ),
    code: Type.Optional(
      Type.Enum([...REFUSAL_CODES, 'attempts_exhausted'], { description: 'Why not.' }),
    ),
    detail: Type.Optional(Type.String({ description: 'The same in a sentence.' })),
  },
  { title: 'SubscriptionReply' },
);
const ChangeAnnouncement = Type.Object(
  {
    id,
    number: Type.Integer({ description: 'Of the change.' }),
    user_id: Type.String(),
    sku: Type.Union([Type.String(), Type.Null()]),
    order_id: Type.Union([Type.String(), Type.Null()]),
    effective_at: effectiveAt,
  },
  { title: 'SubscriptionChanged' },
);

const SUMMARIES: Readonly<Record<ChangeKind, string>> = {
  purchased: 'Purchase a subscription.',
  canceled: 'Cancel a subscription.',
  restarted: 'Restart a canceled subscription.',
};

const HOW_REPLIED =
  'A message with `reply_to` is answered on the default exchange with its `correlation_id`, after the change is ' +
  'committed. One that comes twice, with the same `message_id`, takes effect once and has the same answer.';

/** @param prefix The configured MESSAGE_PREFIX. */
export function describeSubscriptionQueues(prefix: string): QueueDescription {
  const parts = CHANGE_KINDS.flatMap((kind) => [
    describeRequest(prefix, kind),
    describeAnnouncement(prefix, kind),
  ]);
  const named = (pick: (part: DescribedMessage) => object) =>
    Object.fromEntries(parts.map((part) => [part.name, pick(part)]));
  return {
    channels: {
      ...named(({ channel }) => channel),
      subscription_reply: {
        title: 'The reply queue of the client',
        description: 'Named by `reply_to`; a queue that is gone is not an error.',
        messages: { subscription_reply: ref('components/messages/subscription_reply') },
      },
    },
    operations: named(({ operation }) => operation),
    messages: {
      ...named(({ message }) => message),
      subscription_reply: describeMessage('subscription_reply', {
        schema: 'SubscriptionReply',
        summary: 'What became of a request.',
      }),
    },
    schemas: {
      SubscriptionPurchase: PurchaseRequest,
      SubscriptionChangeRequest: ChangeRequestBody,
      SubscriptionReply: Reply,
      SubscriptionChanged: ChangeAnnouncement,
    },
  };
}

/** A message with its channel and its operation, under one name. */
interface DescribedMessage {
  readonly name: string;
  readonly channel: object;
  readonly operation: object;
  readonly message: object;
}

function describeRequest(prefix: string, kind: ChangeKind): DescribedMessage {
  const name = `subscription_${kind}_request`;
  const { exchange, queue, routingKey } = subscriptionQueues(prefix)[kind];
  const summary = SUMMARIES[kind];
  const schema = kind === 'purchased' ? 'SubscriptionPurchase' : 'SubscriptionChangeRequest';
  const description = `Direct exchange \`${exchange}\`. Pulse consumes this message from the quorum queue \`${queue}\`. ${HOW_REPLIED}`;
  return {
    name,
    channel: describeChannel(name, { exchange, address: routingKey, description }),
    operation: {
      ...describeOperation(name, { action: 'receive', title: routingKey, summary }),
      bindings: durableOperation({ ack: true }),
      reply: {
        address: {
          description: 'The AMQP property `reply_to` of the request.',
          location: '$message.header#/replyTo',
        },
        channel: ref('channels/subscription_reply'),
        messages: [ref('channels/subscription_reply/messages/subscription_reply')],
      },
    },
    message: describeMessage(name, { schema, summary }),
  };
}

function describeAnnouncement(prefix: string, kind: ChangeKind): DescribedMessage {
  const name = `subscription_${kind}`;
  const { exchange } = subscriptionQueues(prefix)[kind];
  const address = `subscription.${kind}`;
  const summary = `A subscription was ${kind}.`;
  const description = `Direct exchange \`${exchange}\`. Pulse publishes this message when the change takes effect; it is dropped while no queue is bound.`;
  return {
    name,
    channel: describeChannel(name, { exchange, address, description }),
    operation: {
      ...describeOperation(name, { action: 'send', title: address, summary }),
      bindings: durableOperation({ mandatory: false }),
    },
    message: describeMessage(name, { schema: 'SubscriptionChanged', summary }),
  };
}

function describeChannel(
  name: string,
  {
    exchange,
    address,
    description,
  }: { readonly exchange: string; readonly address: string; readonly description: string },
) {
  return {
    address,
    title: address,
    description,
    messages: { [name]: ref(`components/messages/${name}`) },
    bindings: exchangeBinding(exchange, 'direct'),
  };
}

function describeOperation(
  name: string,
  facts: {
    readonly action: 'send' | 'receive';
    readonly title: string;
    readonly summary: string;
  },
) {
  return {
    ...facts,
    channel: ref(`channels/${name}`),
    security: [RABBIT_USER],
    messages: [ref(`channels/${name}/messages/${name}`)],
  };
}

function describeMessage(
  name: string,
  { schema, summary }: { readonly schema: string; readonly summary: string },
) {
  return {
    name,
    title: name,
    summary,
    contentType: 'application/json',
    payload: ref(`components/schemas/${schema}`),
  };
}
