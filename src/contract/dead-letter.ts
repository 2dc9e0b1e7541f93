/** A refused pulse as it travels to the quarantine: its own bytes, the original properties, the reason. */
import { createHash, randomUUID } from 'node:crypto';
import { copyHeaders, SHORT_TEXT_BYTES_MAX } from './header-copy.ts';
import type { Publication } from './publication.ts';
import { DEAD_LETTER_HEADERS, type Rejection } from './rejection.ts';

/** A delivery as any AMQP client gives it; what is not needed here is left out. */
export interface DeliveredMessage {
  readonly content: Buffer;
  readonly fields: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly redelivered: boolean;
  };
  readonly properties: object;
}

/** One refused pulse and the delivery that brought it. */
export interface RefusedPulse {
  readonly rejection: Rejection;
  readonly delivery: DeliveredMessage;
  /** What was sent: the message's body, or one element of it. */
  readonly body: Buffer;
  /** Its position inside an array body. */
  readonly index?: number | undefined;
}

/** Header of the exchange that the pulse was published to; `DEAD_LETTER_HEADERS` has the others. */
export const ORIGIN_EXCHANGE_HEADER = 'x-pulse-exchange';
/** Header that is set, to true, when the pulse had been delivered before. */
export const ORIGIN_REDELIVERED_HEADER = 'x-pulse-redelivered';

const DETAIL_LENGTH_MAX = 500;

/**
 * The publication that carries a refused pulse to `deadExchange`.
 *
 * Its id is the same whenever the same delivery is refused again, if the pulse has any identity; else
 * it is random, because two equal pulses without identity are two pulses.
 * Not taken over are `expiration` (the quarantine must not lose it) and `userId` (the broker would
 * refuse it from another user).
 */
export function toDeadLetterPublication(deadExchange: string, refused: RefusedPulse): Publication {
  const { rejection, delivery, body, index } = refused;
  const original = textProperties(delivery.properties);
  return {
    ...original,
    exchange: deadExchange,
    routingKey: delivery.fields.routingKey,
    body,
    headers: {
      ...copyHeaders(original.headers),
      [DEAD_LETTER_HEADERS.id]: deadLetterId({ messageId: original.messageId, index, body }),
      [DEAD_LETTER_HEADERS.reason]: rejection.reason,
      [DEAD_LETTER_HEADERS.detail]: rejection.detail.slice(0, DETAIL_LENGTH_MAX),
      [ORIGIN_EXCHANGE_HEADER]: delivery.fields.exchange,
      ...(index === undefined ? {} : { [DEAD_LETTER_HEADERS.index]: index }),
      ...(delivery.fields.redelivered ? { [ORIGIN_REDELIVERED_HEADER]: true } : {}),
    },
  };
}

/**
 * The id of a dead letter: a hash of the pulse's identity, its position and its body, or a random one
 * when neither message nor pulse carries an id. The reason is no part of it: a pulse is quarantined once.
 */
export function deadLetterId(pulse: {
  readonly messageId: string | undefined;
  readonly index?: number | undefined;
  readonly body: Buffer;
}): string {
  const { messageId, index, body } = pulse;
  // Ids that are no UTF-8 are decoded to the same text, so such a text tells nobody apart.
  const identity =
    messageId === undefined || messageId.includes('\ufffd')
      ? identityInBody(body)
      : ['message', messageId];
  if (identity === undefined) return randomUUID();
  const digest = createHash('sha256')
    .update(JSON.stringify([...identity, index ?? null]))
    .update(body)
    .digest();
  // RFC 9562 version 8: the bits are the application's own.
  digest.writeUInt8((digest.readUInt8(6) & 0x0f) | 0x80, 6);
  digest.writeUInt8((digest.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = digest.toString('hex', 0, 16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-');
}

function identityInBody(body: Buffer): unknown[] | undefined {
  try {
    const pulse: unknown = JSON.parse(body.toString('utf8'));
    if (typeof pulse !== 'object' || pulse === null || !('id' in pulse)) return undefined;
    if (typeof pulse.id !== 'string' || pulse.id === '') return undefined;
    // Only a text: anything else may be nested deeper than JSON.stringify can follow.
    const tenant = 'tenant' in pulse && typeof pulse.tenant === 'string' ? pulse.tenant : null;
    return ['pulse', tenant, pulse.id];
  } catch {
    return undefined;
  }
}

/** The properties that a publication may carry on. A text that is empty or cannot be sent is as good as none. */
export function textProperties(properties: object): Omit<
  Publication,
  'exchange' | 'routingKey' | 'body' | 'headers'
> & {
  readonly headers: Readonly<Record<string, unknown>>;
} {
  const given = properties as Readonly<Record<string, unknown>>;
  const text = (name: string): string | undefined => {
    const value = given[name];
    if (typeof value !== 'string' || value === '') return undefined;
    // Bytes that are no UTF-8 were decoded to longer ones, and the text may not fit back.
    return Buffer.byteLength(value) <= SHORT_TEXT_BYTES_MAX ? value : undefined;
  };
  const { timestamp, headers } = given;
  return {
    messageId: text('messageId'),
    timestampSec: Number.isSafeInteger(timestamp) ? (timestamp as number) : undefined,
    contentType: text('contentType'),
    contentEncoding: text('contentEncoding'),
    correlationId: text('correlationId'),
    replyTo: text('replyTo'),
    type: text('type'),
    appId: text('appId'),
    headers: (headers ?? {}) as Readonly<Record<string, unknown>>,
  };
}
