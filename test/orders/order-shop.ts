/** An installation with a customer and a product, for tests of the real processes. */
import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { expect, onTestFinished } from 'vitest';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { insertOrder, readOrder } from '../../src/orders/orders-query.ts';
import { orderMessage } from '../../src/orders/orders-queues.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';

const WAIT = { timeout: 90_000, interval: 100 };
export const TOKEN = 'a-static-token-of-tests-of-32-characters';

export async function openShop(own: Readonly<Record<string, string>> = {}) {
  const flow = await openFlow({ SECRET_TOKEN: TOKEN, ORDER_CURRENCY: 'EUR', ...own });
  const pool = new Pool({ connectionString: flow.env.DATABASE_URL ?? '', max: 2 });
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  await pool.query(`
    INSERT INTO customers (id, name) VALUES ('acme', 'Acme');
    INSERT INTO products (sku, name, unit) VALUES ('thing', 'Thing', 'count');
    INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
      VALUES ('thing', 'EUR', 2.5, now() - interval '1 day', 'test')`);
  const order = { customerId: 'acme', items: [{ sku: 'thing', qty: 2 }], currency: 'EUR' };
  return {
    flow,
    pool,
    /** Stores an order and its first message, as the API does. */
    store: async (): Promise<string> => {
      const id = randomUUID();
      await withTransaction(pool, async (client) => {
        await insertOrder(client, { id, ...order, createdBy: 'test' });
        const message = orderMessage(`${flow.queue}.`, 'created', { orderId: id });
        const origin = { correlationId: undefined, traceparent: undefined };
        await writeToOutbox(client, toPublication(message, origin, Date.now()));
      });
      return id;
    },
    endsOnce: async (id: string) => {
      await expect.poll(async () => (await readOrder(pool, id))?.status, WAIT).toBe('completed');
      const found = await readOrder(pool, id);
      expect(found?.totalAmount).toBe('5');
      expect(found?.history.map(({ reason }) => reason)).toEqual([
        'created',
        'taken_up',
        'enriched',
        'completed',
      ]);
      const jobs = () => pool.query('SELECT FROM graphile_worker.jobs');
      await expect.poll(async () => (await jobs()).rowCount, WAIT).toBe(0);
    },
  };
}

/** Starts a command that is killed right after the first message has passed the step. */
export const beginKilledAfter = (flow: Flow, command: string, step: string) =>
  flow.begin([command, '--json', '--allow-test-faults'], { PULSE_CRASH_AT: `message:${step}:1` });
