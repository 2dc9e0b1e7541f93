/** Subscriptions on real servers: their handlers, the relay, and a client that asks by RPC. */
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, beforeAll } from 'vitest';
import { startMessageConsumer } from '../../src/messaging/consumer.ts';
import type { MessageOutcome } from '../../src/messaging/handle-message.ts';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { createRpcClient } from '../../src/messaging/rpc-client.ts';
import { orderQueues, orderMessage } from '../../src/orders/orders-queues.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { cancelOnRequest } from '../../src/subscriptions/cancel-subscription.ts';
import { startDueChanges } from '../../src/subscriptions/due-changes.ts';
import { purchaseOrdered } from '../../src/subscriptions/purchase-ordered.ts';
import { purchaseOnRequest } from '../../src/subscriptions/purchase-subscription.ts';
import { restartOnRequest } from '../../src/subscriptions/restart-subscription.ts';
import { listChanges, readSubscription } from '../../src/subscriptions/subscriptions-query.ts';
import { REQUEST_KEYS, subscriptionQueues } from '../../src/subscriptions/subscriptions-queues.ts';
import type { ChangeKind, toSubscriptionJson } from '../../src/subscriptions/subscriptions.ts';
import { openRelayedQueues } from '../messaging/relayed-queues.ts';
import { isolatedServices } from '../support/isolated.ts';

const logger = pino({ level: 'silent' });
const CALL_MS = 20_000;

export type SubscriptionsFixture = Awaited<ReturnType<typeof createSubscriptionsFixture>>;

/** What a request is answered with. */
export interface Answer {
  readonly ok: boolean;
  readonly subscription: ReturnType<typeof toSubscriptionJson>;
  readonly code?: string;
  readonly detail?: string;
}

export async function createSubscriptionsFixture() {
  const services = await isolatedServices();
  const queues = await openRelayedQueues(services, (prefix) => [
    ...Object.values(orderQueues(prefix)),
    ...Object.values(subscriptionQueues(prefix)),
  ]);
  const { rabbitmqUrl } = services;
  const { pool, prefix, publish } = queues;
  const rpc = createRpcClient({
    url: rabbitmqUrl,
    logger,
    name: 'test rpc',
    waitTimeoutMs: CALL_MS,
  });
  const outcomes: MessageOutcome[] = [];
  const startConsumer = () =>
    startMessageConsumer({
      url: rabbitmqUrl,
      handlers: [purchaseOnRequest, cancelOnRequest, restartOnRequest, purchaseOrdered].map(
        (handler) => handler(prefix),
      ),
      pool,
      logger,
      tracing: NO_TRACING,
      deadExchange: queues.deadExchange,
      publishReply: publish,
      onOutcome: (_queue, outcome) => outcomes.push(outcome),
      onStep: () => undefined,
      onFatal: (error) => {
        throw error;
      },
    });
  let consumer = startConsumer();
  const due = startDueChanges({ pool, prefix, logger });

  return {
    ...services,
    pool,
    prefix,
    outcomes,
    rpc,
    bindings: queues.bindings,
    publish,
    takeDeadLetter: queues.takeDeadLetter,
    /** Asks for a change, and waits for the answer. */
    ask: (kind: ChangeKind, body: object, messageId: string = randomUUID()) =>
      rpc.call(
        {
          exchange: `${prefix}SUBSCRIPTIONS`,
          routingKey: REQUEST_KEYS[kind],
          body: Buffer.from(JSON.stringify(body)),
          messageId,
        },
        CALL_MS,
      ) as Promise<Answer>,
    read: (id: string) => readSubscription(pool, id),
    changes: async (id: string) => (await listChanges(pool, id, { limit: 100 })).reverse(),
    /** Stores a completed order of a new customer with these items, and announces it. */
    async completedOrder(items: readonly { sku: string; recurring: boolean }[]) {
      const id = randomUUID();
      const customerId = `customer-${id}`;
      await pool.query(`INSERT INTO customers (id, name, tenant) VALUES ($1, 'Acme', $1)`, [
        customerId,
      ]);
      for (const [position, { sku, recurring }] of items.entries()) {
        await pool.query(
          `INSERT INTO products (sku, name, unit, recurring) VALUES ($1, 'Thing', 'count', $2)`,
          [sku, recurring],
        );
        if (position === 0) {
          await pool.query(
            `INSERT INTO orders (id, customer_id, status, currency, created_by)
             VALUES ($1, $2, 'completed', 'EUR', 'test')`,
            [id, customerId],
          );
        }
        await pool.query(
          'INSERT INTO order_items (order_id, position, sku, qty) VALUES ($1, $2, $3, 1)',
          [id, position, sku],
        );
      }
      return { id, customerId };
    },
    announceCompleted: (orderId: string) =>
      withTransaction(pool, async (client) => {
        const origin = { correlationId: 'request-1', traceparent: undefined };
        const message = orderMessage(prefix, 'completed', { orderId });
        await writeToOutbox(client, toPublication(message, origin, Date.now()));
      }),
    /** Handles nothing until `resume`. */
    pause: () => consumer.close(2_000),
    resume() {
      consumer = startConsumer();
    },
    async close() {
      due.close();
      await Promise.all([consumer.close(2_000), rpc.close(1_000)]);
      await queues.close();
      await services.close();
    },
  };
}

/** Registers the hooks of a test file; what it returns is filled in before the first test. */
export function useSubscriptionsFixture(): SubscriptionsFixture {
  const fixture = {} as SubscriptionsFixture;
  beforeAll(async () => {
    Object.assign(fixture, await createSubscriptionsFixture());
  });
  afterAll(() => fixture.close());
  return fixture;
}
