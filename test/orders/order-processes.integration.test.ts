/** Orders through the real processes, killed after each step of a message, and with misconfigured or unavailable servers. */
import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { toPublication } from '../../src/messaging/message.ts';
import { MESSAGE_STEPS } from '../../src/messaging/message-steps.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { insertOrder, readOrder } from '../../src/orders/orders-query.ts';
import { orderMessage } from '../../src/orders/orders-queues.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { withChannel } from '../support/servers.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const WAIT = { timeout: 90_000, interval: 100 };
const TOKEN = 'a-static-token-of-tests-of-32-characters';

/** An installation with a customer and a product. */
async function openShop(own: Readonly<Record<string, string>> = {}) {
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
        await insertOrder(client, { id, ...order, tenant: null, createdBy: 'test' });
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

const AS_TOKEN = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

async function postOrder(api: string, key: string) {
  const response = await fetch(`${api}/orders`, {
    method: 'POST',
    headers: { ...AS_TOKEN, 'idempotency-key': key },
    body: JSON.stringify({ customer_id: 'acme', items: [{ sku: 'thing', qty: 2 }] }),
  });
  return { status: response.status, body: (await response.json()) as { order_id: string } };
}

const allowFaults = (flow: Flow, command: string, step: string) =>
  flow.begin([command, '--json', '--allow-test-faults'], { PULSE_CRASH_AT: `message:${step}:1` });

test.each(MESSAGE_STEPS.filter((step) => step !== 'committed'))(
  'an order completes once when its processor is killed right after a message is %s',
  async (step) => {
    const { flow, store, endsOnce } = await openShop();
    const killed = allowFaults(flow, 'processor', step);
    await killed.firstLine();
    const id = await store();
    expect((await killed.ended).exitCode).toBeNull();
    await Promise.all([flow.start('processor'), flow.start('enricher')]);
    await endsOnce(id);
  },
  MANY_STEPS_TIMEOUT_MS,
);

test.each(['written', 'committed'])(
  'a key creates one order even if the API is killed right after it is %s',
  async (step) => {
    const { flow, pool, endsOnce } = await openShop();
    const killed = allowFaults(flow, 'api', step);
    const { api } = JSON.parse(await killed.firstLine()) as { api: string };
    await expect(postOrder(api, 'once')).rejects.toThrow();
    expect((await killed.ended).exitCode).toBeNull();
    const [{ ready }] = await Promise.all([
      flow.start('api'),
      flow.start('processor'),
      flow.start('enricher'),
    ]);
    const again = await postOrder(ready.api ?? '', 'once');
    expect(again.status).toBe(202);
    await endsOnce(again.body.order_id);
    expect((await pool.query('SELECT FROM orders')).rowCount).toBe(1);
  },
  MANY_STEPS_TIMEOUT_MS,
);

test('a processor refuses a queue that exists with other arguments, and names them', async () => {
  const { flow } = await openShop();
  const queue = `${flow.queue}.orders.processing`;
  await withChannel(flow.env.RABBITMQ_URL ?? '', (channel) =>
    channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } }),
  );
  const { exitCode, stderr } = await flow.run(['processor']);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(`"${queue}"`);
  expect(stderr).toContain('exists with a different x-');
});

test('while Redis is unavailable the API accepts orders and answers them from Postgres', async () => {
  const { flow } = await openShop();
  const redis = await startTcpProxy(flow.env.REDIS_URL ?? '');
  onTestFinished(() => redis.close());
  const { ready } = await flow.start('api', { REDIS_URL: redis.url });
  redis.cut();
  const api = ready.api ?? '';
  const { status, body } = await postOrder(api, 'without-redis');
  expect(status).toBe(202);
  const read = await fetch(`${api}/orders/${body.order_id}`, { headers: AS_TOKEN });
  expect(read.status).toBe(200);
  expect(await read.json()).toMatchObject({ id: body.order_id, status: 'pending' });
});
