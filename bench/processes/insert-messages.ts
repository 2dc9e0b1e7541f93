/** Stores events with plain `pg`: one multi-row INSERT after the other, without a queue, checks or numbering. */
import { Client } from 'pg';
import { parseEvent } from '../../src/events/events.ts';
import { BATCH_MESSAGES_MAX } from '../../src/messaging/settle-batches.ts';
import { nowMs } from '../clock.ts';
import { eventBodies, type EventsRound } from '../events-traffic.ts';
import { answerParent } from './answer-parent.ts';

export type InsertMessagesOrder =
  | { readonly kind: 'open'; readonly url: string }
  /** Makes the rows in advance, so that the measurement does not include it. */
  | ({ readonly kind: 'make' } & EventsRound)
  /** @returns Seconds. */
  | { readonly kind: 'insert' };

let client: Client | undefined;
let columns: unknown[][][] = [];
const numbers = new Map<string, number>();

answerParent<InsertMessagesOrder>(async (order) => {
  if (order.kind === 'open') {
    client = new Client({ connectionString: order.url });
    await client.connect();
    return null;
  }
  if (order.kind === 'make') {
    columns = makeBatches(order);
    return null;
  }
  const startedMs = nowMs();
  for (const batch of columns) await insert(batch);
  return (nowMs() - startedMs) / 1000;
});

/** The columns of each batch, but the time. A batch is as many as Pulse stores together. */
function makeBatches(round: EventsRound): unknown[][][] {
  const rows = eventBodies(round).map(toRow);
  const batches: unknown[][][] = [];
  for (let start = 0; start < rows.length; start += BATCH_MESSAGES_MAX) {
    const batch = rows.slice(start, start + BATCH_MESSAGES_MAX);
    batches.push([0, 1, 2, 3, 4, 5].map((column) => batch.map((row) => row[column])));
  }
  return batches;
}

function toRow(body: Buffer): unknown[] {
  const text = body.toString();
  const parsed = parseEvent(JSON.parse(text), () => text);
  if (!parsed.ok) throw new Error(parsed.failure.detail);
  const { producer, id, type, client: name, dataText } = parsed.event;
  const number = (numbers.get(name) ?? 0) + 1;
  numbers.set(name, number);
  return [producer, id, type, name, number, dataText];
}

async function insert(batch: readonly unknown[][]): Promise<void> {
  await client?.query(
    `INSERT INTO messages (producer, id, type, client, number, data, type_version, occurred_at, stored_at)
     SELECT *, 1, $7::timestamptz, $7::timestamptz
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::json[])`,
    [...batch, new Date()],
  );
}
