/** What a replay publishes: the pulse under its original identity, with the id of the replay. */
import { textProperties } from '../contract/dead-letter.ts';
import { copyHeaders, SHORT_TEXT_BYTES_MAX } from '../contract/header-copy.ts';
import type { Publication } from '../contract/publication.ts';
import { topologyNames } from '../platform/topology.ts';
import type { ReplayableDeadLetter } from './quarantine.ts';
import { fromStorable } from '../core/storable.ts';

/**
 * The header with the id of the replay. Ingest copies it when it refuses the pulse again, as it copies every
 * header but its own (`x-pulse-…`), and the broker keeps it as well.
 */
export const REPLAY_ID_HEADER = 'pulse-replay-id';

/**
 * Builds the publication of a replay.
 *
 * | the pulse has | its identity, when first sent and when replayed |
 * |---|---|
 * | its own `id` | that id, whatever the message id is |
 * | a message id | the message id |
 * | a message id, inside an array | `<message id>#<index>`: a replay sends the element alone |
 * | neither, or a message id that was refused because it is not UTF-8 | `dead-letter:<id>` from now on |
 *
 * The last line also holds when `<message id>#<index>` has more than 255 bytes, which AMQP does not allow.
 *
 * The AMQP timestamp is the original one, or else the time of receipt, so that a pulse without its own timestamp
 * is counted for the hour in which it arrived, not for the hour of the replay.
 */
export function toReplayPublication(
  deadLetter: ReplayableDeadLetter,
  { queue, replayId }: { readonly queue: string; readonly replayId: string },
): Publication {
  const { properties, body, receivedAt } = deadLetter;
  const { exchange, routingKey } = addressOf(deadLetter, queue);
  const { headers, timestampSec, ...texts } = textProperties({
    ...properties,
    messageId: exactMessageId(properties),
    timestamp: properties.timestampSec,
    headers: fromStorable(properties.headers),
  });
  return {
    ...texts,
    exchange,
    routingKey,
    body,
    messageId: identityOf(deadLetter, texts.messageId),
    timestampSec: timestampSec ?? Math.floor(receivedAt.getTime() / 1000),
    headers: markedHeaders(headers, replayId),
  };
}

/** A message goes to its queue alone, whatever else its exchange is bound to. */
function addressOf(deadLetter: ReplayableDeadLetter, pulsesQueue: string) {
  const { queue } = deadLetter;
  return queue === null ? topologyNames(pulsesQueue) : { exchange: '', routingKey: queue };
}

/** The same without the properties of the foreign client, for when one of them cannot be sent. */
export function withoutForeignProperties(publication: Publication, replayId: string): Publication {
  const { exchange, routingKey, body, messageId, timestampSec } = publication;
  const headers = { [REPLAY_ID_HEADER]: replayId };
  return { exchange, routingKey, body, messageId, timestampSec, headers };
}

function exactMessageId({
  messageId,
  messageIdBase64,
}: Readonly<Record<string, unknown>>): unknown {
  if (typeof messageIdBase64 !== 'string') return messageId;
  return Buffer.from(messageIdBase64, 'base64').toString('utf8');
}

function identityOf(
  { id, pulseIndex }: ReplayableDeadLetter,
  messageId: string | undefined,
): string {
  const own = `dead-letter:${id}`;
  if (messageId === undefined || messageId.includes('\ufffd')) return own;
  const identity = pulseIndex === null ? messageId : `${messageId}#${pulseIndex}`;
  return Buffer.byteLength(identity) <= SHORT_TEXT_BYTES_MAX ? identity : own;
}

/** Headers that are too many or too large are dropped together; the replay's id must not be. */
function markedHeaders(
  headers: Readonly<Record<string, unknown>>,
  replayId: string,
): Record<string, unknown> {
  const mark = { [REPLAY_ID_HEADER]: replayId };
  const marked = copyHeaders({ ...headers, ...mark });
  return REPLAY_ID_HEADER in marked ? marked : mark;
}
