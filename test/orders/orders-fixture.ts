/** Orders on real servers: the three handlers, the relay, and a service that fails on demand. */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type GetMessage } from 'amqplib';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { startMessageConsumer } from '../../src/messaging/consumer.ts';
import type { MessageOutcome } from '../../src/messaging/handle-message.ts';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { declareQueues } from '../../src/messaging/queues.ts';
import { startRelay } from '../../src/messaging/relay.ts';
import { completeOrder } from '../../src/orders/complete-order.ts';
import { orderQueues, orderMessage } from '../../src/orders/orders-queues.ts';
import { enrichOrder } from '../../src/orders/enrich-order.ts';
import { createEnrichmentClient } from '../../src/orders/enrichment-client.ts';
import { insertOrder, readOrder } from '../../src/orders/orders-query.ts';
import { processOrder } from '../../src/orders/process-order.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { createPool, withTransaction } from '../../src/platform/postgres.ts';
import { declareTopologyAt, topologyNames } from '../../src/platform/topology.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { createPublisher } from '../../src/publish/publisher.ts';
import { isolatedServices } from '../support/isolated.ts';
import { withChannel } from '../support/servers.ts';

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
  const { rabbitmqUrl, databaseUrl, queue } = services;
  const prefix = `${queue}.`;
  const pool = createPool(databaseUrl, { name: 'test', logger });
  const relayPool = createPool(databaseUrl, { name: 'test relay', logger });
  await declareTopologyAt(rabbitmqUrl, queue);
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
  const bindings = Object.values(orderQueues(prefix));
  const { deadExchange, deadQueue } = topologyNames(queue);
  const connection = await connect(rabbitmqUrl);
  await declareQueues(connection, bindings, deadExchange);
  await connection.close();
  const publisher = createPublisher({ url: rabbitmqUrl, logger });
  const outcomes: [string, MessageOutcome][] = [];
  const relay = startRelay({
    pool: relayPool,
    publish: publisher.publish.bind(publisher),
    logger,
    onStep: () => undefined,
    onRelayed: () => undefined,
  });
  const consumer = startMessageConsumer({
    url: rabbitmqUrl,
    handlers,
    pool,
    logger,
    tracing: NO_TRACING,
    deadExchange,
    publishReply: publisher.publish.bind(publisher),
    onOutcome: (name, outcome) => outcomes.push([name.slice(prefix.length), outcome]),
    onStep: () => undefined,
    onFatal: (error) => {
      throw error;
    },
  });

  const takeDeadLetter = () =>
    withChannel(rabbitmqUrl, (channel) => channel.get(deadQueue, { noAck: true }));

  return {
    ...services,
    pool,
    prefix,
    service,
    outcomes,
    deadQueue,
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
    publish: publisher.publish.bind(publisher),
    /** Makes every delayed message due at once. */
    hurry: () =>
      pool.query('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now()'),
    takeDeadLetter,
    /** Waits, because a relay publishes it after the order has failed. */
    async nextDeadLetter(): Promise<GetMessage> {
      for (;;) {
        const letter = await takeDeadLetter();
        if (letter !== false) return letter;
        await sleep(50);
      }
    },
    async close() {
      await Promise.all([consumer.close(2_000), relay.close(2_000)]);
      await publisher.close();
      await service.close();
      await withChannel(rabbitmqUrl, async (channel) => {
        for (const binding of bindings) await channel.deleteQueue(binding.queue);
        await channel.deleteExchange(`${prefix}orders`);
      });
      await Promise.all([pool.end(), relayPool.end()]);
      await services.close();
    },
  };
}

async function startService() {
  const state = { answer: AGREE, keys: [] as (string | undefined)[] };
  const server = createServer((request, response) => {
    state.keys.push(request.headers['idempotency-key'] as string | undefined);
    request.resume().on('end', () => {
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
    answerWith(answer: Answer) {
      state.answer = answer;
      state.keys = [];
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
