/** What each change of a workflow's status does, in one transaction. */
import type { PoolClient } from 'pg';
import { parseExactJson } from '../core/exact-json.ts';
import { announcedEvent } from '../events/events-queues.ts';
import { toPublication, type MessageOrigin, type OutgoingMessage } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { tableToCsv, toTable, type Table } from './data-csv.ts';
import { insertedMessage } from './workflows-queues.ts';
import { setConsumed, setInserted } from './workflows-query.ts';
import type { Workflow } from './workflows.ts';

export interface ChangeContext {
  readonly client: PoolClient;
  /** Of the names of exchanges and queues. */
  readonly prefix: string;
  readonly origin: MessageOrigin;
  /** Who changes it. */
  readonly actor: string;
}

export interface Consumed {
  readonly workflow: Workflow;
  readonly csv: string;
}

/** Stores the CSV of a locked workflow and tells its client. @param locked Its `isQueued` is stored too. */
export async function consume(context: ChangeContext, locked: Workflow): Promise<Consumed> {
  const csv = await tableToCsv(await tableOf(locked.dataText));
  const workflow = await setConsumed(context.client, locked, { csv, consumedBy: context.actor });
  const { id, client, consumedAt } = workflow;
  if (client !== null) {
    const data = { workflow_id: id, consumed_at: consumedAt?.toISOString() };
    await publish(context, announcedEvent(context.prefix, 'workflow.consumed', { client, data }));
  }
  return { workflow, csv };
}

/**
 * Puts a locked workflow back. If it was consumed by a change of its status, its message may still be in the queue, and
 * becomes valid again. So the queue never has two valid messages of one workflow.
 */
export async function insertAgain(
  context: ChangeContext,
  { id, isQueued }: Workflow,
): Promise<Workflow> {
  const inserted = await setInserted(context.client, id);
  if (!isQueued) await publish(context, insertedMessage(context.prefix, inserted));
  return inserted;
}

/** @param dataText Was checked when the workflow was inserted. */
export async function tableOf(dataText: string): Promise<Table> {
  const read = await toTable(parseExactJson(dataText));
  if (!read.ok) throw new RangeError(`The data of a workflow ${read.message}.`);
  return read.table;
}

async function publish({ client, origin }: ChangeContext, message: OutgoingMessage): Promise<void> {
  await writeToOutbox(client, toPublication(message, origin, Date.now()));
}
