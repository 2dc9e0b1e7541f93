/** The system of a round of deliveries: two processors, an API, two senders, producers, and receivers with traps. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { newSecretKeys } from '../../../src/delivery/secret-box.ts';
import { createRandom } from '../../../src/populate/random.ts';
import { createPublisher } from '../../../src/publish/publisher.ts';
import { startTcpProxy, type TcpProxy } from '../../support/tcp-proxy.ts';
import { countReady, drainTap, untilNamed, untilQuiet, whoIsNotReady } from '../quiet.ts';
import type { FaultyStage } from '../staged-fault.ts';
import {
  apiBase,
  keepDoing,
  openSystem,
  type StagedSystem,
  type SystemOptions,
} from '../staged-system.ts';
import type { Installation } from '../test-servers.ts';
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

export interface DeliveryStageOptions extends SystemOptions<Role> {
  readonly endpoints: readonly EndpointPlan[];
}

export interface DeliveryStage extends StagedSystem<Role>, FaultyStage<Role> {
  readonly producers: ProducerDeps;
  readonly receivers: Receivers;
  /** Through the API. */
  createEndpoints(): Promise<void>;
  /** Waits until every event is stored and delivered. */
  quieten(complaints: string[]): Promise<void>;
  left(): Promise<DeliveriesLeft>;
}

const QUEUES = ['events', 'events.announced'];
/** No round waits for half a minute until a lease ends, or for minutes until a retry is due. */
const HASTEN_MS = 300;
/** A producer that has waited for so long sends again. */
const PUBLISH_MS = 2_000;

export async function openDeliveryStage(options: DeliveryStageOptions): Promise<DeliveryStage> {
  const { seed, endpoints } = options;
  const receivers = await startReceivers(endpoints, (place) => createRandom(seed + 200 + place));
  const system = await openSystem(options, {
    letter: 'd',
    fill: REGISTRY,
    commands: COMMANDS,
    env: {
      WEBHOOK_SECRET_KEYS: newSecretKeys(),
      WEBHOOK_ALLOWED_RANGES: `${ALLOWED_ADDRESS}/32`,
      NODE_OPTIONS: `--import ${new URL('./fake-names.js', import.meta.url).href}`,
    },
  });
  const { installation, admin } = system;
  await untilNamed(installation, system.servers);
  const producers = await openProducers(installation, system.apiUrl);
  const stopHastening = keepDoing(HASTEN_MS, () => hasten(admin));
  return {
    ...{ ...system, receivers, clientProxy: producers.proxy, producers },
    createEndpoints: () => createEndpoints(endpoints, { receivers, admin, api: producers.url }),
    async heal() {
      producers.proxy.heal();
      await system.heal();
    },
    quieten: (complaints) =>
      untilQuiet(
        admin,
        async () =>
          (await whatIsMissing(installation, admin)) ||
          (await whoIsNotReady(Object.values(system.seats))),
        complaints,
      ),
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
    saveOutput(directory) {
      system.saveOutput(directory);
      writeFileSync(join(directory, 'received.json'), JSON.stringify(receivers.received, null, 1));
    },
    async close() {
      await stopHastening();
      await system.close();
      await producers.close();
      await producers.proxy.close();
      await receivers.close();
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
    url: apiBase(api),
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
