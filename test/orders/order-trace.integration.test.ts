/** The trace and the correlation id of one order, from the caller through three processes to the last message. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, type ConsumeMessage } from 'amqplib';
import { Pool } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createPulseClient } from '../../clients/typescript/src/pulse-client.ts';
import { topologyNames } from '../../src/platform/topology.ts';
import { openFlow, type Flow } from '../flows/flow-fixture.ts';
import { attributeOf, startCollector, type CollectedSpan } from '../flows/telemetry-fixture.ts';
import { eventually } from '../support/eventually.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const TOKEN = 'a-static-token-of-tests-of-32-characters';
const CALLER = { traceId: 'a'.repeat(31) + '1', spanId: 'b'.repeat(15) + '1' };
const REQUEST_ID = 'purchase-4711';
/** As OTLP numbers them. */
const KIND = { server: 2, client: 3, producer: 4, consumer: 5 };

test('one trace and one correlation id lead from the request to the last message of its order, over a retry', async () => {
  const shop = await openShop();
  // The first call fails, so that the message is tried again.
  shop.service.statuses = [503, 200];
  const id = await shop.order({ sku: 'thing', sampled: true });
  await shop.sees(['order.created', 'order.enrichment.requested', 'order.enriched'], 'completed');
  expect(await shop.statusOf(id)).toBe('completed');
  await shop.handles('orders.subscriptions');
  await shop.tells('order.completed');
  const spans = await shop.stop();

  const prefix = `${shop.flow.queue}.`;
  const path = [
    ['POST /api/v1/orders', KIND.server],
    [`publish ${prefix}orders`, KIND.producer],
    [`process ${prefix}orders.processing`, KIND.consumer],
    [`publish ${prefix}orders`, KIND.producer],
    [`process ${prefix}orders.enrichment`, KIND.consumer],
    [`publish ${prefix}orders.enrichment`, KIND.producer],
    [`process ${prefix}orders.enrichment`, KIND.consumer],
    [`publish ${prefix}orders`, KIND.producer],
    [`process ${prefix}orders.completion`, KIND.consumer],
    [`publish ${prefix}orders`, KIND.producer],
    [`process ${prefix}orders.subscriptions`, KIND.consumer],
  ] as const;
  const all = spans.filter(({ traceId }) => traceId === CALLER.traceId);
  // The last message has two queues: that of subscriptions, and that of events.
  const isEvent = ({ name }: CollectedSpan) => name === `process ${prefix}events.announced`;
  const ours = all.filter((span) => !isEvent(span));
  const calls = ours.filter(({ kind }) => kind === KIND.client);
  const chain = follow(ours, CALLER.spanId);
  expect(chain.map(({ name, kind }) => [name, kind])).toEqual(path);
  expect(ours).toHaveLength(path.length + calls.length);
  const stored = all.filter(isEvent);
  expect(stored.map((span) => attributeOf(span, 'pulse.outcome'))).toEqual(['done']);
  expect(stored.map(({ parentSpanId }) => parentSpanId)).toEqual([chain.at(-2)!.spanId]);
  const outcomes = chain.map((span) => attributeOf(span, 'pulse.outcome'));
  expect(outcomes.filter((outcome) => outcome !== undefined)).toEqual([
    ...['done', 'retried', 'done', 'done', 'done'],
  ]);

  // Each call of the service is below the attempt that made it, and carries the trace on.
  const attempts = chain.filter(({ name }) => name === `process ${prefix}orders.enrichment`);
  expect(calls.map(({ parentSpanId }) => parentSpanId)).toEqual(
    attempts.map(({ spanId }) => spanId),
  );
  expect(shop.service.headers.map(({ traceparent }) => traceparent)).toEqual(
    calls.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
  );

  // What is on the wire names the span that published it, and the request that it stems from.
  const published = chain.filter(({ name }) => name === `publish ${prefix}orders`);
  expect(shop.messages.map(traceparentOf).sort()).toEqual(
    published.map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`).sort(),
  );
  for (const span of chain.slice(1)) {
    expect(attributeOf(span, 'messaging.message.conversation_id')).toBe(REQUEST_ID);
  }
  expect(shop.messages.map(correlationOf)).toEqual(shop.messages.map(() => REQUEST_ID));
});

test('the dead letter of an order that fails is in its trace, and has its correlation id', async () => {
  const shop = await openShop();
  const id = await shop.order({ sku: 'unknown', sampled: true });
  await shop.sees(['order.created', 'order.enrichment.requested'], 'failed');
  await eventually(() => shop.deadLetters.length).toBe(1);
  expect(await shop.statusOf(id)).toBe('failed');
  const spans = await shop.stop();

  const ours = spans.filter(({ traceId }) => traceId === CALLER.traceId);
  const attempt = ours.find(({ name }) => name.endsWith('.enrichment'));
  expect(attributeOf(attempt, 'pulse.outcome')).toBe('impossible');
  const below = ours.filter(({ parentSpanId }) => parentSpanId === attempt!.spanId);
  expect(below.map(({ name }) => name).sort()).toEqual([
    `publish ${shop.flow.queue}.dead`,
    `publish ${shop.flow.queue}.orders`,
  ]);
  const toDead = below.find(({ name }) => name.endsWith('.dead'));
  expect(shop.deadLetters.map(traceparentOf)).toEqual([
    `00-${CALLER.traceId}-${toDead!.spanId}-01`,
  ]);
  expect(shop.deadLetters.map(correlationOf)).toEqual([REQUEST_ID]);
  expect(shop.messages.map(correlationOf)).toEqual(shop.messages.map(() => REQUEST_ID));
});

test('an order whose caller does not record its trace leaves no span in any process', async () => {
  const shop = await openShop();
  const id = await shop.order({ sku: 'thing', sampled: false });
  await shop.sees(['order.created', 'order.enrichment.requested', 'order.enriched'], 'completed');
  expect(await shop.statusOf(id)).toBe('completed');
  const spans = await shop.stop();
  expect(spans.filter(({ name }) => /^(POST .*orders|publish |process |call )/.test(name))).toEqual(
    [],
  );
  for (const message of shop.messages) {
    expect(traceparentOf(message)).toMatch(new RegExp(`^00-${CALLER.traceId}-[\\da-f]{16}-00$`));
  }
});

/** The spans from the caller's on, each the only producer, consumer or server below the one before. */
function follow(spans: readonly CollectedSpan[], callerId: string): CollectedSpan[] {
  const chain: CollectedSpan[] = [];
  for (let above = callerId; ;) {
    const below = spans.filter(
      ({ parentSpanId, kind }) => parentSpanId === above && kind !== KIND.client,
    );
    if (below.length === 0) return chain;
    expect(below).toHaveLength(1);
    chain.push(below[0]!);
    above = below[0]!.spanId;
  }
}

const traceparentOf = ({ properties }: ConsumeMessage): unknown => properties.headers?.traceparent;
const correlationOf = ({ properties }: ConsumeMessage): unknown => properties.correlationId;

/** An installation of three processes with traces on, a catalogue, and an external service. */
async function openShop() {
  const collector = await startCollector();
  const service = await startService();
  const flow = await openFlow({
    ...{ SECRET_TOKEN: TOKEN, ORDER_CURRENCY: 'EUR', ENRICHMENT_URL: service.url },
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  });
  const api = await flow.start('api');
  const running = [api, await flow.start('processor'), await flow.start('enricher')];
  const client = createPulseClient({ url: api.ready.api!, token: TOKEN });
  await client.customers.put('acme', { name: 'Acme' });
  await client.products.put('thing', { name: 'Thing', unit: 'count' });
  await client.prices.add('thing', {
    ...{ currency: 'EUR', unit_amount: '2.5', valid_from: '2026-01-01T00:00:00Z' },
  });
  const { messages, deadLetters } = await listen(flow);
  return {
    flow,
    service,
    messages,
    deadLetters,
    order: async ({ sku, sampled }: { sku: string; sampled: boolean }) => {
      const { traceId, spanId } = CALLER;
      const response = await fetch(`${api.ready.api!}/api/v1/orders`, {
        method: 'POST',
        headers: {
          ...{ authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
          ...{ 'x-request-id': REQUEST_ID },
          traceparent: `00-${traceId}-${spanId}-0${Number(sampled)}`,
        },
        body: JSON.stringify({ customer_id: 'acme', items: [{ sku, qty: 2 }] }),
      });
      return ((await response.json()) as { order_id: string }).order_id;
    },
    statusOf: async (id: string) => (await client.orders.get(id)).status,
    /** Waits until these have been published, and one that says how the order ended. */
    sees: (steps: readonly string[], end: string) =>
      eventually(() => messages.map(({ fields }) => fields.routingKey).sort(), {
        timeout: 60_000,
      }).toEqual([...steps, `order.${end}`].sort()),
    /** Waits until a message of this queue has been handled. */
    async handles(name: string) {
      const pool = new Pool({ connectionString: flow.env.DATABASE_URL ?? '', max: 1 });
      onTestFinished(() => pool.end());
      await eventually(async () => {
        const rows = await pool.query('SELECT FROM inbox WHERE queue = $1', [
          `${flow.queue}.${name}`,
        ]);
        return rows.rowCount;
      }).toBe(1);
    },
    /** Waits until a message of this type is stored for a client. */
    async tells(type: string) {
      const pool = new Pool({ connectionString: flow.env.DATABASE_URL ?? '', max: 1 });
      onTestFinished(() => pool.end());
      await eventually(async () => {
        const rows = await pool.query('SELECT FROM messages WHERE type = $1', [type]);
        return rows.rowCount;
      }).toBe(1);
    },
    /** Ends all processes, which sends their last spans. */
    async stop(): Promise<readonly CollectedSpan[]> {
      for (const one of running) one.signal('SIGTERM');
      for (const one of running) expect(await one.ended).toMatchObject({ exitCode: 0 });
      return collector.spans;
    },
  };
}

/** Takes a copy of everything that is published about orders, and all dead letters. */
async function listen({ queue, env }: Flow) {
  const connection = await connect(env.RABBITMQ_URL!);
  onTestFinished(() => connection.close());
  const channel = await connection.createChannel();
  const collect = async (name: string): Promise<ConsumeMessage[]> => {
    const taken: ConsumeMessage[] = [];
    const take = (message: ConsumeMessage | null) => message !== null && taken.push(message);
    await channel.consume(name, take, { noAck: true });
    return taken;
  };
  const copies = await channel.assertQueue('', { exclusive: true });
  await channel.bindQueue(copies.queue, `${queue}.orders`, '#');
  return {
    messages: await collect(copies.queue),
    deadLetters: await collect(topologyNames(queue).deadQueue),
  };
}

/** The external service: answers `statuses` in turn, then 200. */
async function startService() {
  const state = { statuses: [] as number[], headers: [] as IncomingHttpHeaders[] };
  const server = createServer((request, response) => {
    state.headers.push(request.headers);
    request.resume().on('end', () => {
      response.writeHead(state.statuses.shift() ?? 200).end('{"risk":"low"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, { url: `http://127.0.0.1:${port}/enrich` });
}
