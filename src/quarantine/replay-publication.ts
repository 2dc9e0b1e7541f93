/** What a replay sends: the pulse under the identity it always had, with a mark by which it is known again. */
import { textProperties } from '../contract/dead-letter.ts';
import { copyHeaders, SHORT_TEXT_BYTES_MAX } from '../contract/header-copy.ts';
import type { Publication } from '../contract/publication.ts';
import { topologyNames } from '../platform/topology.ts';
import type { ReplayableDeadLetter } from './dead-letter-row.ts';
import { fromStorable } from './storable.ts';

/**
 * Header that names the replay. Ingest hands it on when it refuses the pulse again, as it does with
 * every header that is not its own (`x-pulse-…`), and so does the broker.
 */
export const REPLAY_ID_HEADER = 'pulse-replay-id';

/**
 * Builds the publication of a replay.
 *
 * | the pulse has | its identity, when first sent and when replayed |
 * |---|---|
 * | an `id` of its own | that id, whatever the message id is |
 * | a message id | the message id |
 * | a message id, inside an array | `<message id>#<index>`: a replay sends the element alone |
 * | none, or a message id that is no UTF-8 and was refused for it | `dead-letter:<id>` from now on |
 *
 * `<message id>#<index>` of more than 255 bytes does not fit into AMQP; the last line holds for it as well.
 *
 * The AMQP timestamp is the original one, else the time of receipt, so that a pulse without a timestamp
 * of its own is counted for the hour it came in and not for the hour of the replay.
 */
export function toReplayPublication(
  deadLetter: ReplayableDeadLetter,
  { queue, replayId }: { readonly queue: string; readonly replayId: string },
): Publication {
  const { properties, body, receivedAt } = deadLetter;
  const { exchange, routingKey } = topologyNames(queue);
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

/** The same without what a foreign client has put beside the body, for when some of it cannot be sent. */
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

/** Ingest drops all headers when they are too many to be carried; the mark must not be among them. */
function markedHeaders(
  headers: Readonly<Record<string, unknown>>,
  replayId: string,
): Record<string, unknown> {
  const mark = { [REPLAY_ID_HEADER]: replayId };
  const marked = copyHeaders({ ...headers, ...mark });
  return REPLAY_ID_HEADER in marked ? marked : mark;
}
