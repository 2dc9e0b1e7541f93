/**
 * Messages of the chain: JSON bodies on topic and direct exchanges. The AMQP properties carry the
 * identity of a message, the request that it stems from, and how often it has been tried.
 */
import { createHash, randomUUID } from 'node:crypto';
import { sendableReplyTo, shortened } from '../contract/header-copy.ts';
import type { Publication } from '../contract/publication.ts';
import { storableText } from '../core/storable.ts';
import { TRACEPARENT } from '../core/trace-context.ts';
import type { Tracing } from '../platform/tracing.ts';

/** A message to be published. */
export interface OutgoingMessage {
  readonly exchange: string;
  readonly routingKey: string;
  /** Becomes JSON. */
  readonly body: object;
  /** An announcement: no queue has to be bound, because nothing of ours waits for it. */
  readonly isAnnouncement?: true;
  /** Default: a new UUID. A message that is published again must keep its id. */
  readonly id?: string;
}

/** What a message inherits from the request or message that caused it. */
export interface MessageOrigin {
  /** The id of the HTTP request, or the correlation id that a foreign client set. */
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/** Of a message that neither a request nor another message caused. */
export const NO_ORIGIN: MessageOrigin = { correlationId: undefined, traceparent: undefined };

/** Of a message that an HTTP request causes. */
export function requestOrigin(
  { id }: { readonly id: string },
  tracing: Pick<Tracing, 'carriedTraceparent'>,
): MessageOrigin {
  return { correlationId: id, traceparent: tracing.carriedTraceparent() };
}

/** A message as a handler receives it. */
export interface ReceivedMessage extends MessageOrigin {
  /**
   * The AMQP `message_id`. When the producer set none, or one that is not UTF-8, it stands for the body together with
   * `reply_to` and `correlation_id`, which a request has; undefined when there are none.
   */
  readonly id: string | undefined;
  /**
   * It has no id of its own and was never delivered before, so an earlier message with the same id was another one: a
   * client may count its correlation ids from 1 again.
   */
  readonly isNew: boolean;
  readonly queue: string;
  /** From 1. */
  readonly attempt: number;
  /** How often it came back without an attempt. */
  readonly putOffCount: number;
  /** Of the replay that sent it, if it comes from the quarantine. */
  readonly replayId: string | undefined;
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly replyTo: string | undefined;
}

/** Header that counts attempts, from 1. */
export const ATTEMPT_HEADER = 'x-pulse-attempt';
/** Header that counts how often the message was put off. */
export const PUT_OFF_HEADER = 'x-pulse-put-off';
/** Header of a replayed message; the quarantine sets it. */
export const REPLAY_HEADER = 'pulse-replay-id';

const CONTENT_TYPE = 'application/json';

/** @param nowMs When the message came into being. */
export function toPublication(
  message: OutgoingMessage,
  { correlationId, traceparent }: MessageOrigin,
  nowMs: number,
): Publication & { readonly messageId: string } {
  return {
    exchange: message.exchange,
    routingKey: message.routingKey,
    body: Buffer.from(JSON.stringify(message.body)),
    messageId: message.id ?? randomUUID(),
    timestampSec: Math.floor(nowMs / 1000),
    contentType: CONTENT_TYPE,
    type: message.routingKey,
    correlationId,
    mandatory: message.isAnnouncement === true ? false : undefined,
    headers: traceparent === undefined ? {} : { [TRACEPARENT]: traceparent },
  };
}

/** The same message for the same queue, and no other that the exchange may be bound to. */
export function toRetry(message: ReceivedMessage): Publication {
  const { id, queue, attempt, putOffCount, replayId, body } = message;
  const { correlationId, traceparent, replyTo } = message;
  return {
    exchange: '',
    routingKey: queue,
    body,
    messageId: id,
    contentType: CONTENT_TYPE,
    type: shortened(message.routingKey),
    correlationId,
    replyTo,
    headers: {
      [ATTEMPT_HEADER]: attempt,
      ...(putOffCount === 0 ? {} : { [PUT_OFF_HEADER]: putOffCount }),
      ...(replayId === undefined ? {} : { [REPLAY_HEADER]: replayId }),
      ...(traceparent === undefined ? {} : { [TRACEPARENT]: traceparent }),
    },
  };
}

/** The answer to a message; undefined when it names no address for it. @param reply JSON text. */
export function toReply(
  { replyTo, correlationId }: ReceivedMessage,
  reply: string,
): Publication | undefined {
  if (replyTo === undefined) return undefined;
  return {
    exchange: '',
    routingKey: replyTo,
    body: Buffer.from(reply),
    contentType: CONTENT_TYPE,
    correlationId,
    mandatory: false,
  };
}

/** A delivery as amqplib gives it; what is not needed here is left out. */
export interface MessageDelivery {
  readonly content: Buffer;
  readonly fields: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly redelivered: boolean;
  };
  readonly properties: object;
}

const COUNT_MAX = 1_000;
const TEXT_BYTES_MAX = 255;

/** Reads a delivery. Never throws: a property that is not of its type counts as missing. */
export function fromDelivery(queue: string, delivery: MessageDelivery): ReceivedMessage {
  const properties = delivery.properties as Readonly<Record<string, unknown>>;
  const headers = (properties.headers ?? {}) as Readonly<Record<string, unknown>>;
  const { [ATTEMPT_HEADER]: attempt, [PUT_OFF_HEADER]: putOffCount } = headers;
  const id = idOf(properties.messageId);
  const correlationId = textOf(properties.correlationId);
  const replyTo = sendableReplyTo(textOf(properties.replyTo));
  return {
    id: id ?? requestId(delivery.content, { replyTo, correlationId: idOf(correlationId) }),
    isNew: id === undefined && !delivery.fields.redelivered,
    queue,
    attempt: isCount(attempt) ? attempt : 1,
    putOffCount: isCount(putOffCount) ? putOffCount : 0,
    replayId: textOf(headers[REPLAY_HEADER]),
    // Foreign as well: where it cannot be handled, both wait in Postgres.
    exchange: storableText(delivery.fields.exchange),
    routingKey: textOf(properties.type) ?? storableText(delivery.fields.routingKey),
    body: delivery.content,
    correlationId,
    traceparent: textOf(headers[TRACEPARENT]),
    replyTo,
  };
}

function requestId(
  body: Buffer,
  { replyTo, correlationId }: Pick<ReceivedMessage, 'replyTo' | 'correlationId'>,
): string | undefined {
  if (replyTo === undefined || correlationId === undefined) return undefined;
  const hash = createHash('sha256')
    .update(JSON.stringify([replyTo, correlationId]))
    .update(body);
  return `request ${hash.digest('base64url')}`;
}

/** Different ids that are not UTF-8 decode to the same text, so such a text identifies nothing. */
function idOf(value: unknown): string | undefined {
  const id = textOf(value);
  return id?.includes('\ufffd') === true ? undefined : id;
}

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined;
  // Postgres stores no NUL: neither the effects nor the dead letter of such a message could be written.
  if (value.includes('\0')) return undefined;
  // Bytes that are not UTF-8 were decoded to longer text, which could not be sent again.
  return Buffer.byteLength(value) <= TEXT_BYTES_MAX ? value : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 1 && Number(value) <= COUNT_MAX;
}
