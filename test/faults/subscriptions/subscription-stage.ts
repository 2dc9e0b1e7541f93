/** The system of a round of subscriptions: two processors, an API, a client by RPC, and a queue that hears announcements. */
import type { GetMessage } from 'amqplib';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { API_BASE } from '../../../src/http/api-base.ts';
import { createRpcClient } from '../../../src/messaging/rpc-client.ts';
import { createPool } from '../../../src/platform/postgres.ts';
import { CHANGE_KINDS } from '../../../src/subscriptions/subscriptions.ts';
import { withChannel } from '../../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import {
  countReady,
  declareTap,
  drainTap,
  findDeafKeys,
  untilQuiet,
  whoIsNotReady,
} from '../quiet.ts';
import type { FaultyStage } from '../staged-fault.ts';
import { openSystem, type StagedSystem, type SystemOptions } from '../staged-system.ts';
import type { Installation } from '../test-servers.ts';
import type { Announcement, StoredSubscription, SubscriptionsLeft } from './subscription-left.ts';
import type { ClientDeps } from './subscription-client.ts';
import { PLAIN_SKU, RECURRING_SKU } from './subscription-plan.ts';

/** Two `pulse processor`, so that one works while the other is harmed, and both look for what is due; and `pulse api`. */
const COMMANDS = { processor: 'processor', peer: 'processor', api: 'api' } as const;
export type Role = keyof typeof COMMANDS;
export const ROLES = Object.keys(COMMANDS) as Role[];

export interface SubscriptionStage extends StagedSystem<Role>, FaultyStage<Role> {
  readonly client: ClientDeps;
  /** Waits until every message is handled and every change in effect, then stops every process. */
  settle(complaints: string[]): Promise<void>;
  left(): Promise<SubscriptionsLeft>;
}

const QUEUES = ['PURCHASED', 'CANCELED', 'RESTARTED', 'orders.subscriptions'];
const ANNOUNCED = {
  exchange: 'SUBSCRIPTIONS',
  keys: CHANGE_KINDS.map((kind) => `subscription.${kind}`),
};
/** A request that could not be sent for so long is sent again by its user. */
const RPC_WAIT_MS = 2_000;

export async function openSubscriptionStage(
  options: SystemOptions<Role>,
): Promise<SubscriptionStage> {
  const system = await openSystem(options, { letter: 's', fill: CATALOGUE, commands: COMMANDS });
  const { installation, admin } = system;
  const tap = await declareTap(installation, system.servers, ANNOUNCED);
  const clientProxy = await startTcpProxy(installation.urls.rabbitmq);
  const client = openClient(installation, clientProxy, `${system.apiUrl}${API_BASE}`);
  return {
    ...{ ...system, clientProxy, client },
    async heal() {
      clientProxy.heal();
      await system.heal();
    },
    async settle(complaints) {
      const missing = async () =>
        (await whatIsMissing(installation, admin)) ||
        (await whoIsNotReady(Object.values(system.seats)));
      await untilQuiet(admin, missing, complaints);
      await system.stop(complaints);
    },
    async left() {
      const deafTo = await findDeafKeys(installation, ANNOUNCED);
      const announcements = await drainTap(installation, tap, readAnnouncement);
      const deadLetters = await drainTap(installation, `${installation.queue}.dead`, readId);
      return {
        ...(await readLeft(admin)),
        ...{ announcements, deafTo, deadLetters },
        waitingCount: await countReady(installation, QUEUES),
      };
    },
    async remove() {
      await withChannel(installation.urls.rabbitmq, (channel) => channel.deleteQueue(tap));
      await system.remove();
    },
    async close() {
      await system.close();
      await client.close();
      await clientProxy.close();
    },
  };
}

function openClient({ urls, queue }: Installation, proxy: TcpProxy, url: string) {
  const logger = pino({ level: 'silent' });
  const name = 'faults client';
  const rpc = createRpcClient({ url: proxy.url, logger, name, waitTimeoutMs: RPC_WAIT_MS });
  const pool = createPool(urls.postgres, { name, logger, connectionCountMax: 4 });
  return {
    ...{ rpc, pool, prefix: `${queue}.`, url },
    async close() {
      await rpc.close(1_000);
      await pool.end();
    },
  };
}

/** Every user of a round is a customer. */
const CATALOGUE = `
  INSERT INTO customers (id, name) SELECT 'user-' || n, 'Acme' FROM generate_series(0, 999) AS n;
  INSERT INTO products (sku, name, unit, recurring)
    VALUES ('${RECURRING_SKU}', 'Plan', 'count', true), ('${PLAIN_SKU}', 'Thing', 'count', false)`;

function readAnnouncement({ fields, properties, content }: GetMessage): Announcement {
  return {
    routingKey: fields.routingKey,
    messageId: String(properties.messageId),
    body: JSON.parse(content.toString()) as Announcement['body'],
  };
}

function readId({ properties }: GetMessage): string {
  return String(properties.messageId);
}

async function whatIsMissing(installation: Installation, admin: Pool): Promise<string> {
  const { rows } = await admin.query<{ due: number; jobs: number }>(
    `SELECT (SELECT count(*)::int FROM subscriptions WHERE due_at IS NOT NULL) AS due,
       (SELECT count(*)::int FROM graphile_worker.jobs) AS jobs`,
  );
  const { due = 0, jobs = 0 } = rows[0] ?? {};
  const depths = await countReady(installation, QUEUES);
  if (due === 0 && jobs === 0 && depths === 0) return '';
  return `${due} subscriptions with pending changes, ${jobs} jobs, ${depths} in queues`;
}

async function readLeft(admin: Pool) {
  const subscriptions = await admin.query<StoredSubscription>(
    `SELECT id, user_id, sku, order_id, status, applied_number, due_at,
       (SELECT coalesce(json_agg(json_build_object(
            'number', number, 'kind', kind, 'cause', cause, 'changed_by', changed_by, 'withdrawn_by', withdrawn_by,
            'effective_ms', round(extract(epoch FROM effective_at) * 1000)) ORDER BY number), '[]')
          FROM subscription_changes LEFT JOIN subscription_withdrawals USING (subscription_id, number)
          WHERE subscription_id = id) AS changes
     FROM subscriptions`,
  );
  const orders = await admin.query<{ id: string }>('SELECT id FROM orders');
  const jobs = await admin.query('SELECT FROM graphile_worker.jobs');
  return {
    subscriptions: subscriptions.rows,
    orderIds: orders.rows.map(({ id }) => id),
    outboxCount: jobs.rowCount ?? 0,
  };
}
