/**
 * Table inbox: which messages a queue has handled. The row commits together with the effects of the
 * message, so a message that comes twice takes effect once.
 */
import type { ClientBase } from 'pg';
import type { ReceivedMessage } from './message.ts';

/** How long a copy of a message is recognized, in days. */
export const INBOX_DAYS = 14;

/**
 * Claims a message in the caller's transaction. Waits while another transaction has claimed it.
 *
 * @returns False if the message was handled before.
 */
export async function claimMessage(
  client: Pick<ClientBase, 'query'>,
  message: ReceivedMessage,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO inbox (queue, message_id) VALUES ($1, $2)
     ON CONFLICT (queue, message_id) DO UPDATE SET handled_at = now(), reply = NULL WHERE $3`,
    [message.queue, inboxId(message), message.isNew],
  );
  return rowCount === 1;
}

/** Writes nothing. @throws Error Postgres is unavailable, or takes no writes, as a standby does not. */
export async function probeInbox(client: Pick<ClientBase, 'query'>): Promise<void> {
  await client.query('DELETE FROM inbox WHERE false');
}

/** Takes back that a message with this id was handled, so that the next one is no copy of it. */
export async function forgetMessage(
  client: Pick<ClientBase, 'query'>,
  message: ReceivedMessage,
): Promise<void> {
  await client.query('DELETE FROM inbox WHERE queue = $1 AND message_id = $2', [
    message.queue,
    inboxId(message),
  ]);
}

/** Claims messages of one queue at once. @returns For each, false if it was handled before or comes twice in the list. */
export async function claimMessages(
  client: Pick<ClientBase, 'query'>,
  queue: string,
  messages: readonly ReceivedMessage[],
): Promise<boolean[]> {
  const ids = messages.map(inboxId);
  const { rows } = await client.query<{ id: string }>(
    `INSERT INTO inbox (queue, message_id) SELECT DISTINCT $1, id FROM unnest($2::text[]) AS id ORDER BY id
     ON CONFLICT (queue, message_id) DO NOTHING RETURNING message_id AS id`,
    [queue, ids],
  );
  const left = new Set(rows.map(({ id }) => id));
  return ids.map((id) => left.delete(id));
}

/**
 * Keeps the answer to a claimed message, in the transaction that claims it. That of a replay replaces a failure of the
 * original, whose sender may still ask.
 */
export async function keepReply(
  client: Pick<ClientBase, 'query'>,
  message: ReceivedMessage,
  reply: string,
): Promise<void> {
  await client.query(
    `UPDATE inbox SET reply = $4 WHERE queue = $1 AND (
       message_id = $2 OR message_id = $3 AND reply::json ->> 'ok' = 'false')`,
    [message.queue, inboxId(message), message.id, reply],
  );
}

/** The answer to a message that was handled before; undefined if there was none. */
export async function findReply(
  client: Pick<ClientBase, 'query'>,
  message: ReceivedMessage,
): Promise<string | undefined> {
  const { rows } = await client.query<{ reply: string | null }>(
    'SELECT reply FROM inbox WHERE queue = $1 AND message_id = $2',
    [message.queue, inboxId(message)],
  );
  return rows[0]?.reply ?? undefined;
}

/** A replay is a new attempt on purpose: it has an id that is different from the original's. */
function inboxId({ id, replayId }: ReceivedMessage): string {
  if (id === undefined) throw new RangeError('A message without an id cannot be claimed.');
  return replayId === undefined ? id : `${id}#${replayId}`;
}

/** Deletes the rows of the oldest messages, at most `limit`. @returns How many. */
export async function sweepInbox(
  client: Pick<ClientBase, 'query'>,
  limit: number,
): Promise<number> {
  const { rowCount } = await client.query(
    `DELETE FROM inbox WHERE (queue, message_id) IN (
       SELECT queue, message_id FROM inbox WHERE handled_at < now() - $1 * interval '1 day'
       ORDER BY handled_at LIMIT $2 FOR UPDATE SKIP LOCKED)`,
    [INBOX_DAYS, limit],
  );
  return rowCount ?? 0;
}
