/** What the quarantine parks: a dead letter that table dead_letters cannot hold, with all that is safe to send again. */
import {
  ORIGIN_EXCHANGE_HEADER,
  ORIGIN_REDELIVERED_HEADER,
  ORIGIN_ROUTING_KEY_HEADER,
  textProperties,
  type DeliveredMessage,
} from '../contract/dead-letter.ts';
import { copyHeaders } from '../contract/header-copy.ts';
import type { Publication } from '../contract/publication.ts';
import { DEAD_LETTER_HEADERS } from '../contract/rejection.ts';
import { topologyNames } from '../platform/topology.ts';
import { fromDelivery } from './dead-letter.ts';
import { REPLAY_ID_HEADER } from './replay-publication.ts';

/**
 * - `refused`: Postgres refuses the row for good, even without its headers.
 * - `returned`: it was delivered again and again, and no writer ever settled it.
 */
export const PARK_REASONS = ['refused', 'returned'] as const;
export type ParkReason = (typeof PARK_REASONS)[number];

/** Says why a message is parked. */
export const PARKED_HEADER = 'x-pulse-parked';

/** Returns of one dead letter, after which it is no longer tried. A lost connection returns whatever it held. */
export const RETURNS_MAX = 50;

/**
 * Builds the publication. The body has the same bytes. When it is moved back to the queue of dead letters, it
 * becomes the same row, because Pulse's own headers say what was read from the original.
 *
 * `expiration`, `priority` and `user_id` are left out as in every dead letter, and `reply_to`, because the broker
 * gives some values a meaning. What was `returned` may owe that to its headers, so it loses them.
 */
export function toParkedPublication(
  delivery: DeliveredMessage,
  { queue, reason }: { readonly queue: string; readonly reason: ParkReason },
): Publication {
  const { headers, ...texts } = textProperties(delivery.properties);
  const row = fromDelivery(delivery, queue);
  const known: Record<string, unknown> = {
    [PARKED_HEADER]: reason,
    [DEAD_LETTER_HEADERS.id]: row.id,
    [DEAD_LETTER_HEADERS.reason]: row.reason,
    [DEAD_LETTER_HEADERS.detail]: row.detail,
    [DEAD_LETTER_HEADERS.queue]: row.queue ?? undefined,
    [DEAD_LETTER_HEADERS.index]: row.pulseIndex ?? undefined,
    [ORIGIN_EXCHANGE_HEADER]: row.exchange ?? undefined,
    [ORIGIN_ROUTING_KEY_HEADER]: row.routingKey ?? undefined,
    [ORIGIN_REDELIVERED_HEADER]: row.redelivered || undefined,
    [REPLAY_ID_HEADER]: row.replayId ?? undefined,
  };
  return {
    ...texts,
    replyTo: undefined,
    exchange: '',
    routingKey: topologyNames(queue).parkedQueue,
    body: delivery.content,
    headers: { ...(reason === 'refused' ? copyHeaders(headers) : {}), ...known },
  };
}

/** A producer can forge the count, but the broker overwrites it in whatever it delivers again. */
export function cameBackTooOften(
  { fields, properties }: DeliveredMessage,
  returnsMax = RETURNS_MAX,
): boolean {
  return fields.redelivered && returnCount(properties) > returnsMax;
}

/** How often the broker says that it was delivered before. */
export function returnCount(properties: object): number {
  const count = textProperties(properties).headers['x-delivery-count'];
  return typeof count === 'number' && count > 0 ? count : 0;
}
