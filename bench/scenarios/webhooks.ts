import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { changeStatus, insertEndpoint } from '../../src/delivery/endpoints-query.ts';
import { createSecretBox, newSecretKeys, parseSecretKeys } from '../../src/delivery/secret-box.ts';
import { newSecret } from '../../src/delivery/signature.ts';
import { createEventSchemas } from '../../src/events/event-schemas.ts';
import { insertVersion, putProducer } from '../../src/events/events-query.ts';
import { storeEvents } from '../../src/events/store-events.ts';
import { sleep } from '../../src/platform/backoff.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { createInstallation, pulseEnv, type Installation } from '../installation.ts';
import { startPulseProcess } from '../pulse-process.ts';
import type { BenchContext, Measured, OpenedScenario, Scenario } from '../scenario.ts';
import { quantile } from '../statistics.ts';

const PER_SECOND = 500;
/** Stored in one transaction. */
const AT_A_TIME = 25;
const PRODUCER = 'bench';
const TYPE = 'bench.thing.made';
const SETTLE_TIMEOUT_MS = 60_000;
const POLL_MS = 20;

/** Whether an endpoint that hangs delays another. */
export const webhooks: Scenario = {
  name: 'webhooks',
  measured:
    'p99 from stored to received at 500 events/s, beside an endpoint that hangs with as many',
  against: 'the same endpoint alone',
  unit: 'ms',
  judgement: 'ratio at most',
  mustReach: 1.5,
  aim: 1.1,
  open: async (context): Promise<OpenedScenario> => {
    const side = await openSide(context);
    let eventCount = 0;
    return {
      prepare(warmUp) {
        eventCount = warmUp ? 250 : context.quick ? 1_000 : 10_000;
        return Promise.resolve();
      },
      product: () => measure(side, { eventCount, hangs: true }),
      reference: () => measure(side, { eventCount, hangs: false }),
      verify: () => Promise.resolve(),
      close: () => side.close(),
    };
  },
};

type Side = Awaited<ReturnType<typeof openSide>>;

async function openSide(context: BenchContext) {
  const { servers, profileDirectory } = context;
  const installation = await createInstallation(context);
  const { pool, queue, redisUrl, databaseUrl } = installation;
  await putProducer(pool, { id: PRODUCER, name: null });
  const version = { name: TYPE, version: 1, schema: { type: 'object' }, description: null };
  await insertVersion(pool, { ...version, isBreaking: false, createdBy: 'bench' });
  const keys = newSecretKeys();
  const { rabbitmqUrl } = servers;
  const sender = await startPulseProcess({
    command: 'sender',
    env: {
      ...pulseEnv({ rabbitmqUrl, redisUrl, databaseUrl, queue }),
      WEBHOOK_SECRET_KEYS: keys,
      WEBHOOK_ALLOW_PRIVATE: 'true',
    },
    profileDirectory,
  });
  /** When each event arrived, by its number in the run. */
  const receivedAtMs = new Map<number, number>();
  const fast = await listen((body) => {
    const { data } = JSON.parse(body) as { data: { place: number } };
    if (!receivedAtMs.has(data.place)) receivedAtMs.set(data.place, performance.now());
  });
  const hanging = await listen();
  return {
    installation,
    receivedAtMs,
    fastUrl: urlOf(fast),
    hangingUrl: urlOf(hanging),
    schemas: createEventSchemas(),
    secretBox: createSecretBox(parseSecretKeys(keys)),
    nextNumber: context.nextNumber,
    rest: () => servers.rest(),
    async close() {
      await sender.close();
      for (const server of [fast, hanging]) {
        server.closeAllConnections();
        server.close();
      }
      await installation.close();
    },
  };
}

/** @param take Without it, the server takes requests and never answers. */
async function listen(take?: (body: string) => void): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (take === undefined) return;
      take(Buffer.concat(chunks).toString());
      response.writeHead(204).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function measure(
  side: Side,
  { eventCount, hangs }: { readonly eventCount: number; readonly hangs: boolean },
): Promise<Measured> {
  const { installation, receivedAtMs, fastUrl, hangingUrl } = side;
  await side.rest();
  receivedAtMs.clear();
  const fast = await makeEndpoint(side, fastUrl);
  const hanging = hangs ? await makeEndpoint(side, hangingUrl) : undefined;
  const storedAtMs: number[] = [];
  const startedMs = performance.now();
  for (let first = 0; first < eventCount; first += AT_A_TIME) {
    await sleep(startedMs + (first / PER_SECOND) * 1000 - performance.now());
    if (hanging !== undefined) await store(side, hanging.client, first);
    await store(side, fast.client, first);
    storedAtMs.push(...Array<number>(AT_A_TIME).fill(performance.now()));
  }
  await waitForAll(receivedAtMs, eventCount);
  for (const endpoint of [fast, hanging]) {
    if (endpoint !== undefined) await disable(installation, endpoint);
  }
  const lateMs = storedAtMs.map((stored, place) =>
    Math.max(0, (receivedAtMs.get(place) ?? Infinity) - stored),
  );
  return { value: quantile(lateMs, 0.99), details: { p50_ms: quantile(lateMs, 0.5) } };
}

async function makeEndpoint(side: Side, url: string) {
  const number = side.nextNumber();
  const endpoint = { id: `endpoint-${number}`, client: `client-${number}` };
  const { pool } = side.installation;
  await pool.query(`INSERT INTO customers (id, name) VALUES ($1, 'Bench')`, [endpoint.client]);
  const options = { description: null, types: null, filter: null, isFifo: false };
  await withTransaction(pool, (client) =>
    insertEndpoint(
      client,
      { ...endpoint, ...options, url, ratePerSecond: null },
      side.secretBox.seal(newSecret(), endpoint.id),
    ),
  );
  return endpoint;
}

async function store(side: Side, client: string, first: number): Promise<void> {
  const events = Array.from({ length: AT_A_TIME }, (_, index) => {
    const place = first + index;
    const dataText = JSON.stringify({ place, text: 'x'.repeat(200) });
    const data: unknown = JSON.parse(dataText);
    const id = `${client}-${place}`;
    return { producer: PRODUCER, id, type: TYPE, client, data, dataText, occurredAt: undefined };
  });
  const outcomes = await withTransaction(side.installation.pool, (connection) =>
    storeEvents(connection, events, side.schemas),
  );
  if (outcomes.some((outcome) => outcome !== 'stored')) throw new Error('An event was refused.');
}

function disable(
  { pool }: Installation,
  endpoint: { readonly id: string; readonly client: string },
) {
  return changeStatus(pool, endpoint, { status: 'disabled', reason: 'requested' });
}

/** @throws Error when deliveries are missing. */
async function waitForAll(received: ReadonlyMap<number, number>, count: number): Promise<void> {
  const endMs = performance.now() + SETTLE_TIMEOUT_MS;
  while (received.size < count) {
    if (performance.now() > endMs) throw new Error(`Only ${received.size} of ${count} arrived.`);
    await sleep(POLL_MS);
  }
}
