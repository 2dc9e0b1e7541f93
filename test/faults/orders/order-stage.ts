/** The system of a round of orders: four processes behind proxies, the external service, and a queue that collects events. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GetMessage } from 'amqplib';
import type { Pool } from 'pg';
import { withChannel, withClient } from '../../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import type { Seat } from '../fault.ts';
import { keepWorker, runChild, type Env } from '../pulse-child.ts';
import { countReady, declareTap, drainTap, untilQuiet } from '../quiet.ts';
import { startProxies, toEnv, urlsOf } from '../stage.ts';
import {
  createInstallation,
  openAdminPool,
  type Installation,
  type TestServers,
} from '../test-servers.ts';
import { startEnrichmentServer, type EnrichmentServer } from './enrichment-server.ts';
import type { Left, SeenEvent, StoredOrder } from './order-checker.ts';
import { PRICES, TOKEN } from './order-client.ts';

export type Role = 'api' | 'processor' | 'enricher' | 'worker';
export const ROLES: readonly Role[] = ['api', 'processor', 'enricher', 'worker'];

export interface OrderStageOptions {
  readonly main: string;
  readonly servers: TestServers;
  readonly directory: string;
  readonly redisIndex: number;
  readonly seed: number;
  /** Environment for the first process of a role. */
  readonly firstEnv: Partial<Record<Role, Env>>;
}

export interface OrderStage {
  readonly servers: TestServers;
  readonly installation: Installation;
  readonly admin: Pool;
  readonly seats: Readonly<Record<Role, Seat>>;
  /** Between the client and the API. */
  readonly clientProxy: TcpProxy;
  readonly service: EnrichmentServer;
  heal(): Promise<void>;
  /** Waits until every message is handled, then stops every process. */
  settle(complaints: string[]): Promise<void>;
  left(): Promise<Left>;
  notes(): string[];
  saveOutput(directory: string): void;
  remove(): Promise<void>;
  close(): Promise<void>;
}

const QUEUES = ['orders.processing', 'orders.enrichment', 'orders.completion', 'dead'];
const STOP_TIMEOUT_MS = 40_000;

export async function openOrderStage(options: OrderStageOptions): Promise<OrderStage> {
  const { main, servers, seed, firstEnv } = options;
  const cwd = mkdtempSync(join(tmpdir(), 'pulse-faults-'));
  const installation = await createInstallation(servers, {
    name: `o${seed}`,
    redisIndex: options.redisIndex,
    async migrate(postgres) {
      const env = toEnv({ ...servers.urls, postgres });
      const { exitCode, output } = await runChild({ main, args: ['migrate'], env, cwd });
      if (exitCode !== 0) throw new Error(`pulse migrate: ${output}`);
    },
  });
  await withClient(installation.urls.postgres, (client) => client.query(CATALOGUE));
  const service = await startEnrichmentServer();
  const apiPort = await freePort();
  const env = orderEnv({ queue: installation.queue, apiPort, serviceUrl: service.url });
  const openSeat = async (role: Role): Promise<Seat> => {
    const proxies = await startProxies(installation.urls);
    const child = {
      main,
      args: [role, '--json', '--allow-test-faults'],
      env: { ...env, ...toEnv(urlsOf(proxies)) },
      cwd,
    };
    return { worker: keepWorker(child, firstEnv[role]), proxies };
  };
  const seats: Record<Role, Seat> = {
    // It declares every queue, and moves dead letters to the quarantine.
    worker: await openSeat('worker'),
    api: await openSeat('api'),
    processor: await openSeat('processor'),
    enricher: await openSeat('enricher'),
  };
  const all = Object.values(seats);
  await Promise.all(all.map(({ worker }) => worker.ready()));
  const silent = all.find(({ worker }) => worker.child.stdout === '');
  if (silent !== undefined) throw new Error(`a process did not start: ${silent.worker.output}`);
  const tap = await declareTap(installation, servers, { exchange: 'orders', keys: ['#'] });
  const clientProxy = await startTcpProxy(`http://127.0.0.1:${apiPort}`);
  const admin = openAdminPool(installation.urls.postgres);
  const allProxies = () => [
    clientProxy,
    ...all.flatMap(({ proxies }) => Object.values(proxies) as TcpProxy[]),
  ];
  return {
    ...{ servers, installation, admin, seats, clientProxy, service },
    async heal() {
      service.mood = 'well';
      for (const proxy of allProxies()) proxy.heal();
      for (const { worker } of all) worker.child.signal('SIGCONT');
      await servers.heal();
    },
    async settle(complaints) {
      await untilQuiet(admin, () => whatIsMissing(installation, admin), complaints);
      const ends = await Promise.all(all.map(({ worker }) => worker.stop(STOP_TIMEOUT_MS)));
      for (const { exitCode, signal } of ends) {
        if (exitCode !== 0)
          complaints.push(`a process did not stop in order: ${signal ?? exitCode}`);
      }
    },
    async left() {
      const events = await drainTap(installation, tap, readEvent);
      return { ...(await readLeft(admin, installation.queue)), events, calls: service.calls };
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
      for (const proxy of allProxies()) await proxy.close();
      await service.close();
      await admin.end();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

function orderEnv(given: { queue: string; apiPort: number; serviceUrl: string }): Env {
  return {
    PULSE_QUEUE: given.queue,
    API_PORT: String(given.apiPort),
    ENRICHMENT_URL: given.serviceUrl,
    ENRICHMENT_TIMEOUT_MS: '1000',
    ORDER_CURRENCY: 'EUR',
    SECRET_TOKEN: TOKEN,
    RATE_LIMIT_PER_MINUTE: '0',
    METRICS_PORT: '0',
    JWT_SECRET: 'a secret of faults, 32 characters at least',
    ADMIN_PASSWORD: 'a password of faults',
    LOG_LEVEL: 'info',
    // For the worker, which only writes the quarantine here.
    INGEST: 'false',
    PROCESSOR: 'false',
    ENRICHER: 'false',
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

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

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
