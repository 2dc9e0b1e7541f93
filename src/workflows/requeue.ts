/**
 * Publishes a new message for every waiting workflow, after the messages in the queue were lost: the queue was deleted or
 * purged, or did not survive its servers.
 *
 * Each gets its next round, so a message that was not lost after all is old, and is skipped. A consumed one only loses
 * its claim to a message: should it be inserted again, it gets a new one.
 */
import type { Pool, PoolClient } from 'pg';
import { NO_ORIGIN, toPublication } from '../messaging/message.ts';
import { writeAllToOutbox } from '../messaging/outbox.ts';
import { withTransaction } from '../platform/postgres.ts';
import { insertedMessage } from './workflows-queues.ts';
import { lockQueued, raiseRounds } from './workflows-query.ts';

/** Of one transaction. */
const AT_A_TIME = 500;

export interface RequeueOptions {
  /** Of the names of exchanges and queues. */
  readonly prefix: string;
  /** Those inserted later are left out: their messages are on their way. */
  readonly before: Date;
  /** Stops between two transactions. */
  readonly signal: AbortSignal;
}

/** @returns How many have a new message. */
export async function requeue(
  pool: Pick<Pool, 'connect'>,
  { prefix, before, signal }: RequeueOptions,
): Promise<number> {
  let total = 0;
  let after: string | undefined;
  do {
    const done = await withTransaction(pool, (client) =>
      requeueSome(client, { prefix, before, after }),
    );
    after = done.next;
    total += done.count;
  } while (after !== undefined && !signal.aborted);
  return total;
}

/** Leaves out those that are locked: they are being consumed, or put back. */
async function requeueSome(
  client: PoolClient,
  { prefix, before, after }: { prefix: string; before: Date; after: string | undefined },
): Promise<{ readonly count: number; readonly next: string | undefined }> {
  const { ids, next } = await lockQueued(client, { before, after, limit: AT_A_TIME });
  const waiting = await raiseRounds(client, ids);
  const messages = waiting.map((one) =>
    toPublication(insertedMessage(prefix, one), NO_ORIGIN, Date.now()),
  );
  if (messages.length > 0) await writeAllToOutbox(client, messages);
  return { count: messages.length, next };
}
