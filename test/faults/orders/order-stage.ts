/** The system of a round of orders: four processes behind proxies, the external service, and a queue that collects events. */
import type { GetMessage } from 'amqplib';
import type { Pool } from 'pg';
import { withChannel } from '../../support/servers.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { countReady, declareTap, drainTap, untilQuiet } from '../quiet.ts';
import type { FaultyStage } from '../staged-fault.ts';
import { openSystem, type StagedSystem, type SystemOptions } from '../staged-system.ts';
import type { Installation } from '../test-servers.ts';
import { startEnrichmentServer, type EnrichmentServer } from './enrichment-server.ts';
import type { Left, SeenEvent, StoredOrder } from './order-checker.ts';
import { PRICES } from './order-client.ts';

/** The worker declares every queue, and moves dead letters to the quarantine. */
const COMMANDS = {
  worker: 'worker',
  api: 'api',
  processor: 'processor',
  enricher: 'enricher',
} as const;
export type Role = keyof typeof COMMANDS;

export interface OrderStage extends StagedSystem<Role>, FaultyStage<Role> {
  readonly service: EnrichmentServer;
  /** Waits until every message is handled, then stops every process. */
  settle(complaints: string[]): Promise<void>;
  left(): Promise<Left>;
}

const QUEUES = ['orders.processing', 'orders.enrichment', 'orders.completion', 'dead'];

export async function openOrderStage(options: SystemOptions<Role>): Promise<OrderStage> {
  const service = await startEnrichmentServer();
  const system = await openSystem(options, {
    letter: 'o',
    fill: CATALOGUE,
    commands: COMMANDS,
    env: {
      ENRICHMENT_URL: service.url,
      ENRICHMENT_TIMEOUT_MS: '1000',
      ORDER_CURRENCY: 'EUR',
      // For the worker, which only writes the quarantine here.
      INGEST: 'false',
      PROCESSOR: 'false',
      ENRICHER: 'false',
    },
  });
  const { installation, admin } = system;
  const tap = await declareTap(installation, system.servers, { exchange: 'orders', keys: ['#'] });
  const clientProxy = await startTcpProxy(system.apiUrl);
  return {
    ...{ ...system, clientProxy, service },
    async heal() {
      service.mood = 'well';
      clientProxy.heal();
      await system.heal();
    },
    async settle(complaints) {
      await untilQuiet(admin, () => whatIsMissing(installation, admin), complaints);
      await system.stop(complaints);
    },
    async left() {
      const events = await drainTap(installation, tap, readEvent);
      return { ...(await readLeft(admin, installation.queue)), events, calls: service.calls };
    },
    async remove() {
      await withChannel(installation.urls.rabbitmq, (channel) => channel.deleteQueue(tap));
      await system.remove();
    },
    async close() {
      await system.close();
      await clientProxy.close();
      await service.close();
    },
  };
}

/** Every intent has a different customer; those named nobody-N do not exist. */
const CATALOGUE = `
  INSERT INTO customers (id, name) SELECT 'customer-' || n, 'Acme' FROM generate_series(0, 999) AS n;
  ${Object.entries(PRICES)
    .map(
      ([sku, price]) => `
  INSERT INTO products (sku, name, unit) VALUES ('${sku}', 'Thing', 'count');
  INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
    VALUES ('${sku}', 'EUR', ${price} / 1000.0, now() - interval '1 day', 'test');`,
    )
    .join('')}`;

function readEvent({ content, fields, properties }: GetMessage): SeenEvent {
  const { order_id: orderId } = JSON.parse(content.toString()) as { order_id: string };
  return { routingKey: fields.routingKey, messageId: String(properties.messageId), orderId };
}

/** Until every order has ended, queues and outbox are empty, and every failed order is in the quarantine. */
async function whatIsMissing(installation: Installation, admin: Pool): Promise<string> {
  const { rows } = await admin.query<{ open: number; jobs: number; letters: number }>(
    `SELECT (SELECT count(*)::int FROM orders WHERE status IN ('pending', 'processing')) AS open,
       (SELECT count(*)::int FROM graphile_worker.jobs) AS jobs,
       (SELECT count(*)::int FROM orders WHERE status = 'failed') -
         (SELECT count(*)::int FROM dead_letters) AS letters`,
  );
  const depths = await countReady(installation, QUEUES);
  const { open = 0, jobs = 0, letters = 0 } = rows[0] ?? {};
  if (open === 0 && jobs === 0 && letters <= 0 && depths === 0) return '';
  return `${open} orders open, ${jobs} jobs, ${letters} dead letters to come, ${depths} in queues`;
}

async function readLeft(admin: Pool, queue: string): Promise<Omit<Left, 'events' | 'calls'>> {
  const orders = await admin.query<StoredOrder>(
    `SELECT id, customer_id, status, failure_code, total_amount,
       (SELECT array_agg(reason ORDER BY version) FROM order_changes WHERE order_id = id) AS reasons
     FROM orders`,
  );
  const inbox = await admin.query<{ queue: string; message_id: string }>(
    'SELECT substr(queue, $1) AS queue, message_id FROM inbox',
    [queue.length + 2],
  );
  const letters = await admin.query<{ body: Buffer }>('SELECT body FROM dead_letters');
  const jobs = await admin.query('SELECT FROM graphile_worker.jobs');
  return {
    orders: orders.rows,
    inbox: inbox.rows,
    deadLetters: letters.rows.map(
      ({ body }) => (JSON.parse(body.toString()) as { order_id: string }).order_id,
    ),
    outboxCount: jobs.rowCount ?? 0,
  };
}
