/** Stores orders with plain `pg` in one process: the statements of POST /orders without HTTP, checks or relay. */
import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { insertOrder } from '../../src/orders/orders-query.ts';
import { orderMessage } from '../../src/orders/orders-queues.ts';
import { nowMs } from '../clock.ts';
import { answerParent } from './answer-parent.ts';

export type InsertOrdersOrder =
  | { readonly kind: 'open'; readonly url: string; readonly connections: number }
  | {
      readonly kind: 'insert';
      readonly count: number;
      /** Orders in progress at a time. */
      readonly concurrency: number;
      readonly customerId: string;
      readonly sku: string;
    };

let pool: Pool | undefined;

answerParent<InsertOrdersOrder>(async (order) => {
  if (order.kind === 'open') {
    pool = new Pool({ connectionString: order.url, max: order.connections });
    return null;
  }
  const { count, concurrency, customerId, sku } = order;
  let left = count;
  const startedMs = nowMs();
  const insertSome = async (): Promise<void> => {
    while (left-- > 0) await insertOne(customerId, sku);
  };
  await Promise.all(Array.from({ length: concurrency }, insertSome));
  return (nowMs() - startedMs) / 1000;
});

async function insertOne(customerId: string, sku: string): Promise<void> {
  const client = await pool?.connect();
  if (client === undefined) throw new Error('The process has no connection yet.');
  const id = randomUUID();
  try {
    await client.query('BEGIN');
    const items = [{ sku, qty: 2 }];
    const stored = { id, customerId, items, currency: 'USD', createdBy: 'bench' };
    await insertOrder(client, stored);
    const message = orderMessage('bench.', 'created', { orderId: id });
    const origin = { correlationId: id, traceparent: undefined };
    await writeToOutbox(client, toPublication(message, origin, Date.now()));
    await client.query('COMMIT');
  } finally {
    client.release();
  }
}
