/** The system of a round of deliveries: two processors, an API, two senders, producers, and receivers with traps. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { newSecretKeys } from '../../../src/delivery/secret-box.ts';
import { API_BASE } from '../../../src/http/api-base.ts';
import { sleep } from '../../../src/platform/backoff.ts';
import { createRandom } from '../../../src/populate/random.ts';
import { freePort } from '../../../src/private-servers/free-port.ts';
import { createPublisher } from '../../../src/publish/publisher.ts';
import { areQueuesNamed } from '../../support/quorum-names.ts';
import { withClient } from '../../support/servers.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { until } from '../../support/until.ts';
import type { Seat } from '../fault.ts';
import { TOKEN } from '../orders/order-client.ts';
import { keepWorker, runChild, type Env } from '../pulse-child.ts';
import { countReady, drainTap, untilQuiet, whoIsNotReady } from '../quiet.ts';
import type { FaultyStage } from '../staged-fault.ts';
import { startProxies, toEnv, urlsOf } from '../stage.ts';
import {
  createInstallation,
  openAdminPool,
  type Installation,
  type TestServers,
} from '../test-servers.ts';
import { countOpen, hasten, readDeliveriesLeft, type DeliveriesLeft } from './delivery-left.ts';
import { CLIENTS, PRODUCERS, SCHEMA, TYPES, type EndpointPlan } from './delivery-plan.ts';
import type { ProducerDeps } from './delivery-producers.ts';
import { ALLOWED_ADDRESS, TRAP_ADDRESS } from './names.ts';
import { createEndpoint } from './operator.ts';
import { startReceivers, type Receivers } from './receivers.ts';

/** Two `pulse processor` and two `pulse sender`, so that one works while the other is harmed; and `pulse api`. */
const COMMANDS = {
  processor: 'processor',
  peer: 'processor',
  api: 'api',
  sender: 'sender',
  relief: 'sender',
} as const;
export type Role = keyof typeof COMMANDS;
export const ROLES = Object.keys(COMMANDS) as Role[];

export interface DeliveryStageOptions {
  readonly main: string;
  readonly servers: TestServers;
  readonly redisIndex: number;
  readonly seed: number;
  readonly endpoints: readonly EndpointPlan[];
  /** Environment for the first process of a role. */
  readonly firstEnv: Partial<Record<Role, Env>>;
}

export interface DeliveryStage extends FaultyStage<Role> {
  readonly producers: ProducerDeps;
  readonly receivers: Receivers;
  /** Through the API. */
  createEndpoints(): Promise<void>;
  heal(): Promise<void>;
  /** Waits until every event is stored and delivered. */
  quieten(complaints: string[]): Promise<void>;
  /** Stops every process. */
  stop(complaints: string[]): Promise<void>;
  left(): Promise<DeliveriesLeft>;
  notes(): string[];
  saveOutput(directory: string): void;
  remove(): Promise<void>;
  close(): Promise<void>;
}

const QUEUES = ['events', 'events.announced'];
const STOP_TIMEOUT_MS = 40_000;
const NAMED_TIMEOUT_MS = 10_000;
const HASTEN_MS = 300;
/** A producer that has waited for so long sends again. */
const PUBLISH_MS = 2_000;

export async function openDeliveryStage(options: DeliveryStageOptions): Promise<DeliveryStage> {
  const { main, servers, seed, firstEnv, endpoints } = options;
  const cwd = mkdtempSync(join(tmpdir(), 'pulse-faults-'));
  const installation = await createInstallation(servers, {
    name: `d${seed}`,
    redisIndex: options.redisIndex,
    async migrate(postgres) {
      const env = toEnv({ ...servers.urls, postgres });
      const { exitCode, output } = await runChild({ main, args: ['migrate'], env, cwd });
      if (exitCode !== 0) throw new Error(`pulse migrate: ${output}`);
    },
  });
  await withClient(installation.urls.postgres, (client) => client.query(REGISTRY));
  const receivers = await startReceivers(endpoints, (place) => createRandom(seed + 200 + place));
  const apiPort = await freePort();
  const env = processEnv(installation.queue, apiPort);
  const openSeat = async (role: Role): Promise<Seat> => {
    const proxies = await startProxies(installation.urls);
    const own = { ...env, ...toEnv(urlsOf(proxies)) };
    const args = [COMMANDS[role], '--json', '--allow-test-faults'];
    return { worker: keepWorker({ main, args, env: own, cwd }, firstEnv[role]), proxies };
  };
  const seats = {
    processor: await openSeat('processor'),
    peer: await openSeat('peer'),
    api: await openSeat('api'),
    sender: await openSeat('sender'),
    relief: await openSeat('relief'),
  };
  const all = Object.values(seats);
  await Promise.all(all.map(({ worker }) => worker.ready()));
  const silent = all.find(({ worker }) => worker.child.stdout === '');
  if (silent !== undefined) throw new Error(`a process did not start: ${silent.worker.output}`);
  // RabbitMQ killed before the names are on disk comes back without the queues; see quorum-names.ts.
  await until('the names of the queues', NAMED_TIMEOUT_MS, () =>
    areQueuesNamed(servers.directory, installation.queue),
  );
  const admin = openAdminPool(installation.urls.postgres);
  const producers = await openProducers(installation, `http://127.0.0.1:${apiPort}`);
  const hastening = startHastening(admin);
  const allProxies = () => [
    producers.proxy,
    ...all.flatMap(({ proxies }) => Object.values(proxies) as TcpProxy[]),
  ];
  return {
    ...{ servers, seats, receivers, clientProxy: producers.proxy, producers },
    createEndpoints: () => createEndpoints(endpoints, { receivers, admin, api: producers.url }),
    async heal() {
      for (const proxy of allProxies()) proxy.heal();
      for (const { worker } of all) worker.child.signal('SIGCONT');
      await servers.heal();
    },
    quieten: (complaints) =>
      untilQuiet(
        admin,
        async () => (await whatIsMissing(installation, admin)) || (await whoIsNotReady(all)),
        complaints,
      ),
    async stop(complaints) {
      const ends = await Promise.all(all.map(({ worker }) => worker.stop(STOP_TIMEOUT_MS)));
      for (const { exitCode, signal } of ends) {
        if (exitCode !== 0)
          complaints.push(`a process did not stop in order: ${signal ?? exitCode}`);
      }
    },
    async left() {
      const dead = `${installation.queue}.dead`;
      return {
        ...(await readDeliveriesLeft(admin)),
        deadLetters: await drainTap(installation, dead, ({ properties }) =>
          String(properties.messageId),
        ),
        waitingCount: await countReady(installation, QUEUES),
        trappedCount: receivers.trappedCount,
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
      writeFileSync(join(directory, 'received.json'), JSON.stringify(receivers.received, null, 1));
    },
    remove: () => installation.remove(),
    async close() {
      await hastening.stop();
      await Promise.all(all.map(({ worker }) => worker.stop(1_000)));
      await producers.close();
      for (const proxy of allProxies()) await proxy.close();
      await receivers.close();
      await admin.end();
      rmSync(cwd, { recursive: true, force: true });
    },
  };
}

/** The API must refuse what is known to be a trap. That one gets its address in Postgres. */
async function createEndpoints(
  endpoints: readonly EndpointPlan[],
  { receivers, admin, api }: { receivers: Receivers; admin: Pool; api: string },
): Promise<void> {
  for (const endpoint of endpoints) {
    const url = receivers.urlOf(endpoint);
    const { id, host } = endpoint;
    const isKnown = host === TRAP_ADDRESS;
    if (isKnown) {
      const refused = await createEndpoint(endpoint, { url: api, at: url });
      if (refused !== 400) throw new Error(`An endpoint at ${url} was answered with ${refused}.`);
    }
    const first = isKnown ? url.replace(host, ALLOWED_ADDRESS) : url;
    const status = await createEndpoint(endpoint, { url: api, at: first });
    if (status !== 201) throw new Error(`Endpoint ${id} was answered with ${status}.`);
    if (isKnown) await admin.query('UPDATE endpoints SET url = $2 WHERE id = $1', [id, url]);
  }
}

async function openProducers({ urls, queue }: Installation, apiUrl: string) {
  const rabbitmq = await startTcpProxy(urls.rabbitmq);
  const api = await startTcpProxy(apiUrl);
  const publisher = createPublisher({
    ...{ url: rabbitmq.url, logger: pino({ level: 'silent' }), name: 'faults producers' },
    ...{ confirmTimeoutMs: PUBLISH_MS, waitTimeoutMs: PUBLISH_MS },
  });
  return {
    publish: publisher.publish.bind(publisher),
    prefix: `${queue}.`,
    url: `${api.url.replace(/\/$/, '')}${API_BASE}`,
    proxy: together(rabbitmq, api),
    close: () => publisher.close(1_000),
  };
}

/** Two proxies that have their faults at the same time. */
function together(one: TcpProxy, other: TcpProxy): TcpProxy {
  return {
    ...one,
    reset() {
      one.reset();
      other.reset();
    },
    swallow(direction) {
      one.swallow(direction);
      other.swallow(direction);
    },
    heal() {
      one.heal();
      other.heal();
    },
    async close() {
      await one.close();
      await other.close();
    },
  };
}

/** No round waits for half a minute until a lease ends, or for minutes until a retry is due. */
function startHastening(admin: Pool) {
  let isOver = false;
  const run = async (): Promise<void> => {
    while (!isOver) {
      await hasten(admin).catch(() => undefined);
      await sleep(HASTEN_MS);
    }
  };
  const running = run();
  return {
    async stop() {
      isOver = true;
      await running;
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
    WEBHOOK_SECRET_KEYS: newSecretKeys(),
    WEBHOOK_ALLOWED_RANGES: `${ALLOWED_ADDRESS}/32`,
    NODE_OPTIONS: `--import ${new URL('./fake-names.js', import.meta.url).href}`,
  };
}

const quoted = (values: readonly string[]) => values.map((value) => `'${value}'`).join();

const REGISTRY = `
  INSERT INTO customers (id, name) SELECT id, 'Acme' FROM unnest(ARRAY[${quoted(CLIENTS)}]) AS id;
  INSERT INTO producers (id) SELECT unnest(ARRAY[${quoted(PRODUCERS)}]);
  INSERT INTO event_types (name, version) SELECT unnest(ARRAY[${quoted(TYPES)}]), 1;
  INSERT INTO event_type_versions (name, version, schema, created_by)
    SELECT unnest(ARRAY[${quoted(TYPES)}]), 1, '${JSON.stringify(SCHEMA)}', 'test'`;

async function whatIsMissing(installation: Installation, admin: Pool): Promise<string> {
  const depths = await countReady(installation, QUEUES);
  const open = await countOpen(admin);
  return depths === 0 ? open : `${depths} in queues ${open}`;
}
