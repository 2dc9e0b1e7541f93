/** Orders on real servers: the three handlers, the relay, and a service that fails on demand. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { GetMessage } from 'amqplib';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { startMessageConsumer } from '../../src/messaging/consumer.ts';
import type { MessageOutcome } from '../../src/messaging/handle-message.ts';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { completeOrder } from '../../src/orders/complete-order.ts';
import { orderQueues, orderMessage } from '../../src/orders/orders-queues.ts';
import { enrichOrder } from '../../src/orders/enrich-order.ts';
import { createEnrichmentClient } from '../../src/orders/enrichment-client.ts';
import { insertOrder, readOrder } from '../../src/orders/orders-query.ts';
import { processOrder } from '../../src/orders/process-order.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { openRelayedQueues } from '../messaging/relayed-queues.ts';
import { isolatedServices } from '../support/isolated.ts';

const logger = pino({ level: 'silent' });

/** For the slowest step of an order. */
export const WAIT = { timeout: 20_000, interval: 50 };

export type OrdersFixture = Awaited<ReturnType<typeof createOrdersFixture>>;

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** Answers 200 with an object. */
export const AGREE: Answer = (_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"risk":"low"}');
};

export async function createOrdersFixture() {
  const services = await isolatedServices();
  const queues = await openRelayedQueues(services, (prefix) => Object.values(orderQueues(prefix)));
  const { pool, prefix, publish, takeDeadLetter } = queues;
  const service = await startService();
  const client = createEnrichmentClient({
    url: service.url,
    timeoutMs: 500,
    logger,
    tracing: NO_TRACING,
    onCall: () => undefined,
  });
  const handlers = [
    processOrder(prefix),
    enrichOrder({ pool, prefix, service: client }),
    completeOrder(prefix),
  ];
  const outcomes: [string, MessageOutcome][] = [];
  const consumer = startMessageConsumer({
    url: services.rabbitmqUrl,
    handlers,
    pool,
    logger,
    tracing: NO_TRACING,
    deadExchange: queues.deadExchange,
    publishReply: publish,
    onOutcome: (name, outcome) => outcomes.push([name.slice(prefix.length), outcome]),
    onStep: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });

  return {
    ...services,
    pool,
    prefix,
    service,
    outcomes,
    deadQueue: queues.deadQueue,
    publish,
    takeDeadLetter,
    /** Creates a customer and a product with a price. @returns Their names. */
    async newOffer({ unitAmount = '2.5', tiers = null as object | null } = {}) {
      const customerId = `customer-${randomUUID()}`;
      const sku = `sku-${randomUUID()}`;
      await pool.query('INSERT INTO customers (id, name) VALUES ($1, $2)', [customerId, 'Acme']);
      await pool.query(`INSERT INTO products (sku, name, unit) VALUES ($1, 'Thing', 'count')`, [
        sku,
      ]);
      await pool.query(
        `INSERT INTO prices (sku, currency, unit_amount, valid_from, tiers, created_by)
         VALUES ($1, 'EUR', $2, now() - interval '1 day', $3, 'test')`,
        [sku, unitAmount, tiers === null ? null : JSON.stringify(tiers)],
      );
      return { customerId, sku };
    },
    /** Stores an order and, unless told otherwise, its first message, as the API does. @returns Its id. */
    async order(
      customerId: string,
      items: readonly { sku: string; qty: number }[],
      { isAnnounced = true } = {},
    ) {
      const id = randomUUID();
      await withTransaction(pool, async (tx) => {
        const order = { id, customerId, items, currency: 'EUR', createdBy: 'test' };
        await insertOrder(tx, order);
        if (!isAnnounced) return;
        const origin = { correlationId: 'request-1', traceparent: undefined };
        const message = orderMessage(prefix, 'created', { orderId: id });
        await writeToOutbox(tx, toPublication(message, origin, Date.now()));
      });
      return id;
    },
    read: (id: string) => readOrder(pool, id),
    async statusOf(id: string) {
      return (await readOrder(pool, id))?.status;
    },
    /** Makes every delayed message due at once. */
    hurry: () =>
      pool.query('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now()'),
    /** Waits, because a relay publishes it after the order has failed. */
    async nextDeadLetter(): Promise<GetMessage> {
      for (;;) {
        const letter = await takeDeadLetter();
        if (letter !== false) return letter;
        await sleep(50);
      }
    },
    async close() {
      await consumer.close(2_000);
      await Promise.all([queues.close(), service.close()]);
      await services.close();
    },
  };
}

async function startService() {
  const state = {
    answer: AGREE,
    keys: [] as (string | undefined)[],
    bodies: [] as { order_id: string; total_amount: string }[],
  };
  const server = createServer((request, response) => {
    state.keys.push(request.headers['idempotency-key'] as string | undefined);
    void text(request).then((body) => {
      state.bodies.push(JSON.parse(body) as (typeof state.bodies)[number]);
      state.answer(request, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/enrich`,
    /** The Idempotency-Keys of all calls. */
    get keys() {
      return state.keys;
    },
    /** What was posted, in the same order. */
    get bodies() {
      return state.bodies;
    },
    answerWith(answer: Answer) {
      state.answer = answer;
      state.keys = [];
      state.bodies = [];
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections();
        server.close(() => {
          resolve();
        });
      }),
  };
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useOrdersFixture() {
  const fixture = {} as OrdersFixture;
  beforeAll(async () => {
    Object.assign(fixture, await createOrdersFixture());
  });
  beforeEach(() => {
    fixture.service.answerWith(AGREE);
    fixture.outcomes.length = 0;
  });
  afterAll(() => fixture.close());
  const becomes = (id: string, status: string) =>
    expect.poll(() => fixture.statusOf(id), WAIT).toBe(status);
  return { fixture, becomes };
}
