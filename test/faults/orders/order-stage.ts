/** The system of a round of orders: four processes behind proxies, the external service, and a queue that collects events. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { sleep } from '../../../src/platform/backoff.ts';
import { areQueuesNamed } from '../../support/quorum-names.ts';
import { withChannel, withClient } from '../../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import type { Seat } from '../fault.ts';
import { keepWorker, runChild, type Env } from '../pulse-child.ts';
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

const QUEUES = ['orders.processing', 'orders.enrichment', 'orders.completion'];
const QUIET_TIMEOUT_MS = 120_000;
const STOP_TIMEOUT_MS = 40_000;
/** How often delayed retries are made due. Less often than the enricher's circuit breaker needs to close. */
const HURRY_INTERVAL_MS = 3_000;

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
  const tap = `${installation.queue}.tap`;
  await declareTap(installation, tap);
  // RabbitMQ killed before the names are on disk comes back without the queues; see quorum-names.ts.
  await until('the names of the queues', 10_000, () =>
    Promise.resolve(
      areQueuesNamed(servers.directory, installation.queue) && isNamed(servers.directory, tap),
    ),
  );
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
      await untilQuiet({ installation, admin }, complaints);
      const ends = await Promise.all(all.map(({ worker }) => worker.stop(STOP_TIMEOUT_MS)));
      for (const { exitCode, signal } of ends) {
        if (exitCode !== 0)
          complaints.push(`a process did not stop in order: ${signal ?? exitCode}`);
      }
    },
    async left() {
      const events = await drainTap(installation, tap);
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

function isNamed(directory: string, queue: string): boolean {
  const names = 'rabbitmq/mnesia/pulse@localhost/quorum/pulse@localhost/names.dets';
  return readFileSync(join(directory, names), 'latin1').includes(queue);
}

async function declareTap({ urls, queue }: Installation, tap: string): Promise<void> {
  await withChannel(urls.rabbitmq, async (channel) => {
    await channel.assertQueue(tap, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    await channel.bindQueue(tap, `${queue}.orders`, '#');
  });
}

function drainTap({ urls }: Installation, tap: string): Promise<SeenEvent[]> {
  return withChannel(urls.rabbitmq, async (channel) => {
    const events: SeenEvent[] = [];
    for (;;) {
      const message = await channel.get(tap, { noAck: true });
      if (message === false) return events;
      const { order_id: orderId } = JSON.parse(message.content.toString()) as { order_id: string };
      const messageId = String(message.properties.messageId);
      events.push({ routingKey: message.fields.routingKey, messageId, orderId });
    }
  });
}

interface Settling {
  readonly installation: Installation;
  readonly admin: Pool;
}

/** Waits until every order has ended, queues and outbox are empty, and every failed order is in the quarantine. */
async function untilQuiet(settling: Settling, complaints: string[]): Promise<void> {
  const { admin } = settling;
  const deadlineMs = performance.now() + QUIET_TIMEOUT_MS;
  let hurryMs = 0;
  let missing = 'unknown';
  for (let quietTimes = 0; quietTimes < 3;) {
    if (performance.now() > deadlineMs) {
      complaints.push(`it never became quiet: ${missing}`);
      return;
    }
    if (performance.now() > hurryMs) {
      await admin.query(HURRY).catch(() => undefined);
      hurryMs = performance.now() + HURRY_INTERVAL_MS;
    }
    missing = await whatIsMissing(settling).catch(String);
    quietTimes = missing === '' ? quietTimes + 1 : 0;
    await sleep(200);
  }
}

/**
 * Makes retries due, and makes the jobs of relays that have not reported lately look abandoned. A live relay
 * takes them over at its next report. If their own relay is still alive, a message is published twice.
 */
const HURRY = `
  UPDATE graphile_worker._private_jobs SET run_at = now() WHERE run_at > now() AND locked_at IS NULL;
  DELETE FROM relays WHERE seen_at < now() - interval '8 seconds';
  UPDATE graphile_worker._private_jobs SET locked_at = now() - interval '30 seconds'
    WHERE locked_at IS NOT NULL AND locked_by NOT IN (SELECT id FROM relays)`;

async function whatIsMissing({ installation, admin }: Settling): Promise<string> {
  const { rows } = await admin.query<{ open: number; jobs: number; letters: number }>(
    `SELECT (SELECT count(*)::int FROM orders WHERE status IN ('pending', 'processing')) AS open,
       (SELECT count(*)::int FROM graphile_worker.jobs) AS jobs,
       (SELECT count(*)::int FROM orders WHERE status = 'failed') -
         (SELECT count(*)::int FROM dead_letters) AS letters`,
  );
  const depths = await withChannel(installation.urls.rabbitmq, async (channel) => {
    let waiting = 0;
    for (const name of QUEUES.map((one) => `${installation.queue}.${one}`)) {
      waiting += (await channel.checkQueue(name)).messageCount;
    }
    return waiting + (await channel.checkQueue(`${installation.queue}.dead`)).messageCount;
  });
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
