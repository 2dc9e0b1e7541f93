/** The system of a round of subscriptions: two processors, an API, a client by RPC, and a queue that hears announcements. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GetMessage } from 'amqplib';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { API_BASE } from '../../../src/http/api-base.ts';
import { createRpcClient } from '../../../src/messaging/rpc-client.ts';
import { createPool } from '../../../src/platform/postgres.ts';
import { freePort } from '../../../src/private-servers/free-port.ts';
import { CHANGE_KINDS } from '../../../src/subscriptions/subscriptions.ts';
import { withChannel, withClient } from '../../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import type { Seat } from '../fault.ts';
import { TOKEN } from '../orders/order-client.ts';
import { keepWorker, runChild, type Env } from '../pulse-child.ts';
import {
  countReady,
  declareTap,
  drainTap,
  findDeafKeys,
  untilQuiet,
  whoIsNotReady,
} from '../quiet.ts';
import type { FaultyStage } from '../staged-fault.ts';
import { startProxies, toEnv, urlsOf } from '../stage.ts';
import {
  createInstallation,
  openAdminPool,
  type Installation,
  type TestServers,
} from '../test-servers.ts';
import type { Announcement, StoredSubscription, SubscriptionsLeft } from './subscription-left.ts';
import type { ClientDeps } from './subscription-client.ts';
import { PLAIN_SKU, RECURRING_SKU } from './subscription-plan.ts';

/** Two `pulse processor`, so that one works while the other is harmed, and both look for what is due; and `pulse api`. */
export const ROLES = ['processor', 'peer', 'api'] as const;
export type Role = (typeof ROLES)[number];

export interface SubscriptionStageOptions {
  readonly main: string;
  readonly servers: TestServers;
  readonly redisIndex: number;
  readonly seed: number;
  /** Environment for the first process of a role. */
  readonly firstEnv: Partial<Record<Role, Env>>;
}

export interface SubscriptionStage extends FaultyStage<Role> {
  readonly client: ClientDeps;
  heal(): Promise<void>;
  /** Waits until every message is handled and every change in effect, then stops every process. */
  settle(complaints: string[]): Promise<void>;
  left(): Promise<SubscriptionsLeft>;
  notes(): string[];
  saveOutput(directory: string): void;
  remove(): Promise<void>;
  close(): Promise<void>;
}

const QUEUES = ['PURCHASED', 'CANCELED', 'RESTARTED', 'orders.subscriptions'];
const ANNOUNCED = {
  exchange: 'SUBSCRIPTIONS',
  keys: CHANGE_KINDS.map((kind) => `subscription.${kind}`),
};
const STOP_TIMEOUT_MS = 40_000;
/** A request that could not be sent for so long is sent again by its user. */
const RPC_WAIT_MS = 2_000;

export async function openSubscriptionStage(
  options: SubscriptionStageOptions,
): Promise<SubscriptionStage> {
  const { main, servers, seed, firstEnv } = options;
  const cwd = mkdtempSync(join(tmpdir(), 'pulse-faults-'));
  const installation = await createInstallation(servers, {
    name: `s${seed}`,
    redisIndex: options.redisIndex,
    async migrate(postgres) {
      const env = toEnv({ ...servers.urls, postgres });
      const { exitCode, output } = await runChild({ main, args: ['migrate'], env, cwd });
      if (exitCode !== 0) throw new Error(`pulse migrate: ${output}`);
    },
  });
  await withClient(installation.urls.postgres, (client) => client.query(CATALOGUE));
  const apiPort = await freePort();
  const openSeat = async (role: Role): Promise<Seat> => {
    const proxies = await startProxies(installation.urls);
    const env = { ...processEnv(installation.queue, apiPort), ...toEnv(urlsOf(proxies)) };
    const args = [role === 'api' ? 'api' : 'processor', '--json', '--allow-test-faults'];
    return { worker: keepWorker({ main, args, env, cwd }, firstEnv[role]), proxies };
  };
  const seats = {
    processor: await openSeat('processor'),
    peer: await openSeat('peer'),
    api: await openSeat('api'),
  };
  const all = Object.values(seats);
  await Promise.all(all.map(({ worker }) => worker.ready()));
  const silent = all.find(({ worker }) => worker.child.stdout === '');
  if (silent !== undefined) throw new Error(`a process did not start: ${silent.worker.output}`);
  const tap = await declareTap(installation, servers, ANNOUNCED);
  const admin = openAdminPool(installation.urls.postgres);
  const clientProxy = await startTcpProxy(installation.urls.rabbitmq);
  const client = openClient(installation, clientProxy, `http://127.0.0.1:${apiPort}${API_BASE}`);
  const allProxies = () => [
    clientProxy,
    ...all.flatMap(({ proxies }) => Object.values(proxies) as TcpProxy[]),
  ];
  return {
    ...{ servers, seats, clientProxy, client },
    async heal() {
      for (const proxy of allProxies()) proxy.heal();
      for (const { worker } of all) worker.child.signal('SIGCONT');
      await servers.heal();
    },
    async settle(complaints) {
      const missing = async () =>
        (await whatIsMissing(installation, admin)) || (await whoIsNotReady(all));
      await untilQuiet(admin, missing, complaints);
      const ends = await Promise.all(all.map(({ worker }) => worker.stop(STOP_TIMEOUT_MS)));
      for (const { exitCode, signal } of ends) {
        if (exitCode !== 0)
          complaints.push(`a process did not stop in order: ${signal ?? exitCode}`);
      }
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
    notes: () =>
      ROLES.flatMap((role) => {
        const own = seats[role].worker.ends.filter((end) => end !== 'SIGKILL');
        return own.length === 0 ? [] : [`${role} ended by itself: ${own.join()}`];
      }),
    saveOutput(directory) {
      for (const role of ROLES) {
        writeFileSync(join(directory, `${role}.log`), seats[role].worker.output);
      }
    },
    async remove() {
      await withChannel(installation.urls.rabbitmq, (channel) => channel.deleteQueue(tap));
      await installation.remove();
    },
    async close() {
      await Promise.all(all.map(({ worker }) => worker.stop(1_000)));
      await client.close();
      for (const proxy of allProxies()) await proxy.close();
      await admin.end();
      rmSync(cwd, { recursive: true, force: true });
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

function processEnv(queue: string, apiPort: number): Env {
  return {
    PULSE_QUEUE: queue,
    API_PORT: String(apiPort),
    SECRET_TOKEN: TOKEN,
    RATE_LIMIT_PER_MINUTE: '0',
    METRICS_PORT: '0',
    JWT_SECRET: 'a secret of faults, 32 characters at least',
    ADMIN_PASSWORD: 'a password of faults',
    LOG_LEVEL: 'info',
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
