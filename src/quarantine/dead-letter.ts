/** Turns a delivery of the dead-letter queue into a row. */
import {
  deadLetterId,
  DETAIL_LENGTH_MAX,
  ORIGIN_EXCHANGE_HEADER,
  ORIGIN_REDELIVERED_HEADER,
  ORIGIN_ROUTING_KEY_HEADER,
  textProperties,
  type DeliveredMessage,
} from '../contract/dead-letter.ts';
import { shortened } from '../contract/header-copy.ts';
import {
  DEAD_LETTER_HEADERS,
  DEAD_LETTER_REASONS,
  type DeadLetterReason,
} from '../contract/rejection.ts';
import { REPLAY_ID_HEADER } from './replay-publication.ts';
import { storableText, toStorable } from '../core/storable.ts';
import { namesInBody, pulseIdOf } from './names-in-body.ts';

/** A row to insert. Its texts hold no character that Postgres refuses, and are short: a list shows a thousand of them. */
export interface DeadLetter {
  readonly reason: DeadLetterReason;
  readonly detail: string;
  /** A UUID, the same for every copy of the same dead letter. */
  readonly id: string;
  readonly body: Buffer;
  /**
   * The AMQP content header: `{"headers": {…}, "messageId": …, "timestampSec": …}`, as JSON text. With
   * `messageIdBase64` when Postgres would refuse the message id.
   */
  readonly headersJson: string;
  readonly messageId: string | null;
  readonly pulseIndex: number | null;
  readonly exchange: string | null;
  readonly routingKey: string | null;
  readonly redelivered: boolean;
  /** The tenant in the body, if it can be read. */
  readonly tenant: string | null;
  /** The id that the pulse counts under, if it has one that can be read; null for a message. */
  readonly pulseId: string | null;
  /** The queue that it could not be handled in; null for a pulse. */
  readonly queue: string | null;
  /** The replay that sent it: then the row of that replay returns to the quarantine. */
  readonly replayId: string | null;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const INDEX_MAX = 2_147_483_647;

/**
 * Reads a delivery of the dead-letter queue. Never throws, whatever the delivery holds. A message of another
 * queue than that of pulses belongs to no tenant: its body means something else.
 *
 * | headers | meaning | reason |
 * |---|---|---|
 * | `x-death` | dead-lettered by the broker, whatever the other headers are | `delivery_limit`, else `unknown` |
 * | Pulse's headers | refused by ingest | from the header |
 * | neither | published here by another program | `unknown` |
 */
export function fromDelivery(delivery: DeliveredMessage, pulsesQueue: string): DeadLetter {
  const properties = textProperties(delivery.properties);
  const death = firstDeath(properties.headers);
  if (death === undefined) return fromRefusal(delivery, properties);
  const deadLetter = fromDeath(delivery, properties, death);
  const { queue } = death;
  if (typeof queue !== 'string' || queue === pulsesQueue) return deadLetter;
  const id = deadLetterId({ messageId: properties.messageId, body: delivery.content, queue });
  return { ...deadLetter, id, queue: nameOf(queue), ...NO_PULSE };
}

/** What the body of a message means is not for the quarantine to know. */
const NO_PULSE = { tenant: null, pulseId: null };

type Properties = ReturnType<typeof textProperties>;

function fromRefusal(delivery: DeliveredMessage, properties: Properties): DeadLetter {
  const { headers } = properties;
  const id = headers[DEAD_LETTER_HEADERS.id];
  const detail = headers[DEAD_LETTER_HEADERS.detail];
  const given = headers[DEAD_LETTER_HEADERS.index];
  const pulseIndex = isIndex(given) ? given : null;
  const exchange = headers[ORIGIN_EXCHANGE_HEADER];
  const queue = headers[DEAD_LETTER_HEADERS.queue];
  const routingKey = headers[ORIGIN_ROUTING_KEY_HEADER];
  return {
    ...common(delivery, properties, pulseIndex),
    ...(typeof queue === 'string' ? { queue: nameOf(queue), ...NO_PULSE } : {}),
    ...(typeof id === 'string' && UUID.test(id) ? { id } : {}),
    reason: toReason(headers[DEAD_LETTER_HEADERS.reason]),
    detail:
      typeof detail === 'string'
        ? detailOf(detail)
        : 'Published to the dead-letter queue by something other than Pulse.',
    exchange: nameOf(typeof exchange === 'string' ? exchange : delivery.fields.exchange),
    ...(typeof routingKey === 'string' ? { routingKey: nameOf(routingKey) } : {}),
    redelivered: headers[ORIGIN_REDELIVERED_HEADER] === true,
  };
}

interface Death {
  readonly reason?: unknown;
  readonly queue?: unknown;
  readonly exchange?: unknown;
  readonly 'routing-keys'?: unknown;
}

function fromDeath(delivery: DeliveredMessage, properties: Properties, death: Death): DeadLetter {
  const limit = death.reason === 'delivery_limit';
  const [routingKey] = Array.isArray(death['routing-keys'])
    ? (death['routing-keys'] as unknown[])
    : [];
  return {
    ...common(delivery, properties, null),
    reason: limit ? 'delivery_limit' : 'unknown',
    detail: detailOf(
      limit
        ? `Queue ${textOf(death.queue)} delivered it up to the delivery limit, and it was never acknowledged.`
        : `RabbitMQ removed it from queue ${textOf(death.queue)}: ${textOf(death.reason)}.`,
    ),
    exchange: typeof death.exchange === 'string' ? nameOf(death.exchange) : null,
    routingKey: typeof routingKey === 'string' ? nameOf(routingKey) : null,
    redelivered: true,
  };
}

function common(
  delivery: DeliveredMessage,
  properties: Properties,
  pulseIndex: number | null,
): DeadLetter {
  const { messageId, headers } = properties;
  const replayId = headers[REPLAY_ID_HEADER];
  const storedId = messageId === undefined ? null : storableText(messageId);
  const { tenant, ownId } = namesInBody(delivery.content);
  return {
    id: deadLetterId({ messageId, body: delivery.content }),
    reason: 'unknown',
    detail: '',
    body: delivery.content,
    headersJson: JSON.stringify({
      ...(toStorable(properties) as object),
      ...exactMessageId(messageId),
    }),
    messageId: storedId,
    pulseIndex,
    exchange: nameOf(delivery.fields.exchange),
    routingKey: nameOf(delivery.fields.routingKey),
    redelivered: delivery.fields.redelivered,
    tenant,
    pulseId: pulseIdOf(ownId, { messageId: storedId, pulseIndex }),
    queue: null,
    replayId: typeof replayId === 'string' && UUID.test(replayId) ? replayId : null,
  };
}

/** A replay must have exactly the same id, even one that Postgres would refuse. */
function exactMessageId(messageId: string | undefined): { messageIdBase64?: string } {
  if (messageId === undefined || storableText(messageId) === messageId) return {};
  return { messageIdBase64: Buffer.from(messageId).toString('base64') };
}

/**
 * Of a queue, an exchange, or a routing key. No real name is cut, except one that is not UTF-8. A forged one may be as
 * long as all headers; of a queue, longer than its index takes, and then Postgres would refuse even a reduced row.
 */
function nameOf(text: string): string {
  return shortened(storableText(text));
}

function detailOf(text: string): string {
  return storableText(text.slice(0, DETAIL_LENGTH_MAX));
}

/** The newest entry: the broker puts it first. */
function firstDeath(headers: Readonly<Record<string, unknown>>): Death | undefined {
  const deaths = headers['x-death'];
  if (!Array.isArray(deaths)) return undefined;
  const [first] = deaths as unknown[];
  return typeof first === 'object' && first !== null ? first : undefined;
}

/** A producer can forge the broker's headers, and an object may refuse to become a text. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : 'unknown';
}

function toReason(value: unknown): DeadLetterReason {
  return DEAD_LETTER_REASONS.find((reason) => reason === value) ?? 'unknown';
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) <= INDEX_MAX;
}
