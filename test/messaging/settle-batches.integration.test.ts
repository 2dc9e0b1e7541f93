import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { defineBatchHandler, type MessageHandler } from '../../src/messaging/handler.ts';
import { NO_TRACING } from '../../src/platform/tracing.ts';
import { withChannel } from '../support/servers.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { useMessagingFixture, type TestBody } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

const WAIT = { timeout: 20_000, interval: 50 };
const down = (): TransientError =>
  new TransientError('PULSE_POSTGRES_UNREACHABLE', 'Postgres is down.');

interface SizedBody extends TestBody {
  readonly filler?: string;
}

/** Inserts values. @param before What happens before the batch with this number, from 0. */
function batchHandler(before: (values: readonly string[], batch: number) => string | undefined): {
  readonly handler: MessageHandler;
  readonly batches: string[][];
} {
  const batches: string[][] = [];
  const handler = defineBatchHandler<SizedBody>({
    binding: fixture.binding,
    parse: (body) => body as SizedBody,
    async applyAll({ client }, bodies) {
      const values = bodies.map(({ value }) => value);
      batches.push(values);
      const sql = before(values, batches.length - 1);
      if (sql !== undefined) await client.query(sql);
      await client.query('INSERT INTO effects SELECT unnest($1::text[])', [values]);
      return bodies.map(() => 'done');
    },
  });
  return { handler, batches };
}

function publish(bodies: readonly SizedBody[]) {
  const { exchange, routingKey } = fixture.binding;
  return Promise.all(
    bodies.map((body) =>
      fixture.publish({ exchange, routingKey, body: Buffer.from(JSON.stringify(body)) }),
    ),
  );
}

const delivered = (): number => fixture.steps.filter((step) => step === 'delivered').length;
const values = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => String(index).padStart(4, '0'));

/** What is still in use, without garbage. */
function usedBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** The most that was delivered and not acknowledged at a time. */
function heldMax(): number {
  let [held, max] = [0, 0];
  for (const step of fixture.steps) {
    if (step === 'delivered') held += 1;
    if (step === 'acknowledged') held -= 1;
    max = Math.max(max, held);
  }
  return max;
}

test('large messages are left to the broker while 16 MiB are held, longer than its heartbeats, and none is lost', async () => {
  const filler = 'x'.repeat(200_000);
  const all = values(200);
  await publish(all.map((value) => ({ value, filler })));
  const url = new URL(fixture.rabbitmqUrl);
  url.searchParams.set('heartbeat', '1');
  const { handler } = batchHandler((_, batch) => (batch === 0 ? 'SELECT pg_sleep(4)' : undefined));
  fixture.startConsumer(handler, { url: url.href });
  await expect.poll(() => fixture.effects(), WAIT).toEqual(all);
  await expect.poll(() => fixture.outcomes.length, WAIT).toBe(200);
  // Twice would mean that the connection was lost.
  expect(delivered()).toBe(200);
  expect(heldMax() * filler.length).toBeGreaterThan(12 * 1024 * 1024);
  expect(heldMax() * filler.length).toBeLessThan(17 * 1024 * 1024);
});

test('no more is held while the consumers of a backlog are set up', async () => {
  const filler = 'x'.repeat(200_000);
  const all = values(400);
  await publish(all.map((value) => ({ value, filler })));
  const { handler } = batchHandler((_, batch) => (batch < 8 ? 'SELECT pg_sleep(1)' : undefined));
  fixture.startConsumer(handler, { handlers: Array.from({ length: 8 }, () => handler) });
  await expect.poll(() => fixture.effects(), WAIT).toEqual(all);
  await expect.poll(() => fixture.outcomes.length, WAIT).toBe(400);
  expect(heldMax() * filler.length).toBeLessThan(24 * 1024 * 1024);
});

test('no more is held when the connection is lost again and again', async () => {
  const filler = 'x'.repeat(200_000);
  const all = values(120);
  await publish(all.map((value) => ({ value, filler })));
  const proxy = await startTcpProxy(fixture.rabbitmqUrl);
  // A connection that is not read is found to be lost when a heartbeat is sent.
  const url = new URL(proxy.url);
  url.searchParams.set('heartbeat', '1');
  const { handler } = batchHandler((_, batch) => (batch < 3 ? 'SELECT pg_sleep(6)' : undefined));
  const consumer = fixture.startConsumer(handler, { url: url.href });
  for (let lost = 0; lost < 3; lost++) {
    await expect.poll(() => consumer.state, WAIT).toBe('consuming');
    await expect.poll(delivered, WAIT).toBeGreaterThan(80);
    // Time for what must not come.
    await new Promise((resolve) => setTimeout(resolve, 500));
    proxy.reset();
    await expect.poll(() => consumer.state, WAIT).toBe('waiting');
  }
  expect(delivered() * filler.length).toBeLessThan(24 * 1024 * 1024);
  await fixture.stop();
  await proxy.close();
});

test('a batch is at most 500 messages, and two of them are held', async () => {
  const all = values(1_800);
  await publish(all.map((value) => ({ value })));
  const { handler, batches } = batchHandler((_, batch) =>
    batch === 0 ? 'SELECT pg_sleep(1)' : undefined,
  );
  fixture.startConsumer(handler);
  await expect.poll(() => fixture.effects(), WAIT).toEqual(all);
  expect(Math.max(...batches.map(({ length }) => length))).toBe(500);
  expect(heldMax()).toBe(1_000);
});

test('a large message is a batch of its own', async () => {
  const filler = 'x'.repeat(300_000);
  await publish([{ value: 'before' }]);
  await publish([{ value: 'large', filler }]);
  await publish([{ value: 'after' }]);
  const { handler, batches } = batchHandler(() => undefined);
  fixture.startConsumer(handler);
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['after', 'before', 'large']);
  expect(batches).toContainEqual(['large']);
});

test('what is held while Postgres is unavailable is handled afterwards, and delivered once', async () => {
  const all = values(20);
  await publish(all.map((value) => ({ value })));
  const { handler } = batchHandler((_, batch) => {
    if (batch < 3) throw down();
    return undefined;
  });
  const consumer = fixture.startConsumer(handler);
  await expect.poll(() => consumer.state, WAIT).toBe('paused');
  await expect.poll(() => fixture.effects(), WAIT).toEqual(all);
  expect(consumer.state).toBe('consuming');
  expect(fixture.outcomes.filter((outcome) => outcome === 'done')).toHaveLength(20);
  expect(fixture.outcomes).toContain('held');
  expect(delivered()).toBe(20);
});

test('of a batch that is taken apart, only the messages that are held are handled again', async () => {
  await publish([{ value: 'held' }]);
  await publish([{ value: 'other' }]);
  let isDown = true;
  const { handler } = batchHandler((list) => {
    if (list.length > 1) throw new Error('It is taken apart.');
    if (list[0] !== 'held' || !isDown) return undefined;
    isDown = false;
    throw down();
  });
  fixture.startConsumer(handler);
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['held', 'other']);
  await expect.poll(() => fixture.outcomes.toSorted(), WAIT).toEqual(['done', 'done', 'held']);
});

test('the headers of messages that wait are not held', async () => {
  const headers = Object.fromEntries(Array.from({ length: 6_500 }, (_, at) => [`k${at}`, true]));
  const { exchange, routingKey } = fixture.binding;
  const all = values(200);
  await withChannel(fixture.rabbitmqUrl, async (channel) => {
    for (const value of all) {
      channel.publish(exchange, routingKey, Buffer.from(JSON.stringify({ value })), { headers });
    }
    await channel.checkQueue(fixture.binding.queue);
  });
  const beforeBytes = usedBytes();
  const { handler } = batchHandler((_, batch) => (batch === 0 ? 'SELECT pg_sleep(4)' : undefined));
  fixture.startConsumer(handler);
  await expect.poll(delivered, WAIT).toBe(200);
  // Those of one take about 400 KB, and 60 KB as they were sent.
  expect(usedBytes() - beforeBytes).toBeLessThan(8 * 1024 * 1024);
  await expect.poll(() => fixture.effects(), WAIT).toEqual(all);
});

test('each message has its span', async () => {
  const started: string[] = [];
  const tracing = {
    ...NO_TRACING,
    enabled: true,
    start: (...of: Parameters<typeof NO_TRACING.start>) => {
      started.push(of[0]);
      return NO_TRACING.start(...of);
    },
  };
  await publish(values(3).map((value) => ({ value })));
  fixture.startConsumer(batchHandler(() => undefined).handler, { tracing });
  await expect.poll(() => fixture.effects(), WAIT).toEqual(values(3));
  expect(started).toEqual(Array.from({ length: 3 }, () => `process ${fixture.binding.queue}`));
});
