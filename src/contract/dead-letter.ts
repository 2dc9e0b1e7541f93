/** The message that takes a refused pulse to the quarantine: its own bytes, the original properties, the reason. */
import { createHash, randomUUID } from 'node:crypto';
import { hasTooManyValues } from '../core/json-size.ts';
import { storableText } from '../core/storable.ts';
import { copyHeaders, sendableReplyTo, SHORT_TEXT_BYTES_MAX, shortened } from './header-copy.ts';
import type { Publication } from './publication.ts';
import { DEAD_LETTER_HEADERS, type DeadLetterReason } from './rejection.ts';

/** The parts of a delivery that a dead letter needs. */
export interface DeliveredMessage {
  readonly content: Buffer;
  readonly fields: {
    readonly exchange: string;
    readonly routingKey: string;
    readonly redelivered: boolean;
  };
  readonly properties: object;
}

/** A delivery without its body. */
export type DeliveryOrigin = Omit<DeliveredMessage, 'content'>;

export interface RefusedPulse {
  readonly rejection: { readonly reason: DeadLetterReason; readonly detail: string };
  readonly delivery: DeliveryOrigin;
  /** The message's body, or one element of an array body. */
  readonly body: Buffer;
  /** The position in an array body. */
  readonly index?: number | undefined;
  /** Of a message of the chain: where it could not be handled, and where a replay sends it. */
  readonly queue?: string;
}

/** Names the exchange that the pulse was published to. `DEAD_LETTER_HEADERS` has the other headers. */
export const ORIGIN_EXCHANGE_HEADER = 'x-pulse-exchange';
/** The routing key that a parked dead letter was published with; otherwise absent. */
export const ORIGIN_ROUTING_KEY_HEADER = 'x-pulse-routing-key';
/** True when the pulse had been delivered before, otherwise absent. */
export const ORIGIN_REDELIVERED_HEADER = 'x-pulse-redelivered';

/** Characters of the reason in a sentence. */
export const DETAIL_LENGTH_MAX = 500;

/**
 * The publication that takes a refused pulse to `deadExchange`.
 *
 * If the pulse has any identity, its id is the same each time the same delivery is refused. Otherwise the id is
 * random, because two equal pulses without identity are two pulses.
 * `expiration` is not copied, because the quarantine must not lose the pulse, and neither is `userId`, which the
 * broker refuses from another user.
 */
export function toDeadLetterPublication(deadExchange: string, refused: RefusedPulse): Publication {
  const { rejection, delivery, body, index, queue } = refused;
  const original = textProperties(delivery.properties);
  return {
    ...original,
    exchange: deadExchange,
    routingKey: shortened(delivery.fields.routingKey),
    body,
    headers: {
      ...copyHeaders(original.headers),
      [DEAD_LETTER_HEADERS.id]: deadLetterId({ messageId: original.messageId, index, body, queue }),
      [DEAD_LETTER_HEADERS.reason]: rejection.reason,
      // It may quote what was sent, and a message of the chain waits in Postgres, which refuses NUL and half characters.
      [DEAD_LETTER_HEADERS.detail]: storableText(rejection.detail.slice(0, DETAIL_LENGTH_MAX)),
      [ORIGIN_EXCHANGE_HEADER]: delivery.fields.exchange,
      ...(index === undefined ? {} : { [DEAD_LETTER_HEADERS.index]: index }),
      ...(queue === undefined ? {} : { [DEAD_LETTER_HEADERS.queue]: queue }),
      ...(delivery.fields.redelivered ? { [ORIGIN_REDELIVERED_HEADER]: true } : {}),
    },
  };
}

/**
 * A hash of the pulse's identity, position and body; random when neither message nor pulse has an id, or the body has
 * too many members to look for one. The reason is not part of it, so that a pulse is quarantined once. The queue is,
 * because one message may fail in several.
 */
export function deadLetterId(pulse: {
  readonly messageId: string | undefined;
  readonly index?: number | undefined;
  readonly body: Buffer;
  readonly queue?: string | undefined;
}): string {
  const { messageId, index, body, queue } = pulse;
  // Different ids that are not UTF-8 decode to the same text, so such a text identifies nothing.
  const identity =
    messageId === undefined || messageId.includes('\ufffd')
      ? identityInBody(body)
      : ['message', messageId];
  if (identity === undefined) return randomUUID();
  const digest = createHash('sha256')
    .update(JSON.stringify([...identity, index ?? null, ...(queue === undefined ? [] : [queue])]))
    .update(body)
    .digest();
  // RFC 9562 version 8: the application defines the bits.
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
  // Parsing it would take seconds, and no limit of size applies to what is in the queue of dead letters.
  if (hasTooManyValues(body)) return undefined;
  try {
    const pulse: unknown = JSON.parse(body.toString('utf8'));
    if (typeof pulse !== 'object' || pulse === null || !('id' in pulse)) return undefined;
    if (typeof pulse.id !== 'string' || pulse.id === '') return undefined;
    // Only a string: anything else may be nested deeper than JSON.stringify can follow.
    const tenant = 'tenant' in pulse && typeof pulse.tenant === 'string' ? pulse.tenant : null;
    return ['pulse', tenant, pulse.id];
  } catch {
    return undefined;
  }
}

/** The properties that a publication can carry. Texts that are empty or too long to send count as missing. */
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
    // Bytes that are not UTF-8 grow when they are decoded, so the text may be too long to send back.
    return Buffer.byteLength(value) <= SHORT_TEXT_BYTES_MAX ? value : undefined;
  };
  const { timestamp, headers } = given;
  return {
    messageId: text('messageId'),
    timestampSec: Number.isSafeInteger(timestamp) ? (timestamp as number) : undefined,
    contentType: text('contentType'),
    contentEncoding: text('contentEncoding'),
    correlationId: text('correlationId'),
    replyTo: sendableReplyTo(text('replyTo')),
    type: text('type'),
    appId: text('appId'),
    headers: (headers ?? {}) as Readonly<Record<string, unknown>>,
  };
}
