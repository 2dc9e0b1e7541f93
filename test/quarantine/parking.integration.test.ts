import type { ChannelModel, ConfirmChannel, GetMessage } from 'amqplib';
import { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { toDeadLetterPublication } from '../../src/contract/dead-letter.ts';
import type { Publication } from '../../src/contract/publication.ts';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import { declareTopology, readQueueDepth, topologyNames } from '../../src/platform/topology.ts';
import { createPublisher, type Publisher } from '../../src/publish/publisher.ts';
import { listDeadLetters } from '../../src/quarantine/quarantine-query.ts';
import {
  startQuarantineWriter,
  type QuarantineWriter,
  type QuarantineWriterDeps,
} from '../../src/quarantine/writer.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { withChannel } from '../support/servers.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';

const logger = pino({ level: 'silent' });
let services: IsolatedServices;
let connection: ChannelModel;
let channel: ConfirmChannel;
let publisher: Publisher;
let pool: Pool;
let names: ReturnType<typeof topologyNames>;
const writers: QuarantineWriter[] = [];
const fatal = vi.fn();

beforeAll(async () => {
  services = await isolatedServices();
  names = topologyNames(services.queue);
  connection = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
  await declareTopology(connection, services.queue);
  channel = await connection.createConfirmChannel();
  publisher = createPublisher({ url: services.rabbitmqUrl, logger });
  pool = new Pool({ connectionString: services.databaseUrl });
  // Refuses the body, which the reduced row has as well.
  await pool.query(
    `ALTER TABLE dead_letters ADD CONSTRAINT test_only CHECK (position('refused'::bytea IN body) = 0)`,
  );
});
afterAll(async () => {
  await publisher.close();
  await pool.end();
  await closeRabbitConnection(connection);
  await services.close();
});
beforeEach(async () => {
  await declareTopology(connection, services.queue);
  await channel.purgeQueue(names.deadQueue);
  await channel.purgeQueue(names.parkedQueue);
  await pool.query('DELETE FROM dead_letters');
});
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.close()));
  expect(fatal).not.toHaveBeenCalled();
});

function start(changes: Partial<QuarantineWriterDeps> = {}): QuarantineWriter {
  const { rabbitmqUrl: url, queue } = services;
  const writer = startQuarantineWriter({ url, queue, pool, logger, onFatal: fatal, ...changes });
  writers.push(writer);
  return writer;
}

/** What ingest publishes for one bad pulse. */
function deadLetter(messageId: string, body: string | Buffer): Publication {
  const content = Buffer.from(body);
  return toDeadLetterPublication(names.deadExchange, {
    rejection: { reason: 'invalid_tenant', detail: 'tenant must not be empty.' },
    delivery: {
      fields: { exchange: 'origin', routingKey: 'original key', redelivered: true },
      properties: {
        messageId,
        contentType: 'application/json',
        replyTo: 'somewhere',
        headers: { traceparent: 'kept' },
      },
    },
    body: content,
  });
}

/** Bytes of no text, with a word that the constraint refuses. */
const REFUSED = Buffer.concat([Buffer.from([0xff, 0, 0xfe]), Buffer.from('refused')]);

const storedIds = async (): Promise<(string | null)[]> => {
  const rows = await listDeadLetters(pool, { limit: 1_000 });
  return rows.map(({ messageId }) => messageId).sort();
};
const ready = async (queue: string): Promise<number | undefined> =>
  (await readQueueDepth(connection, queue))?.readyCount;
const takeParked = async (): Promise<GetMessage> => {
  const message = await channel.get(names.parkedQueue, { noAck: true });
  if (message === false) throw new Error('Nothing is parked.');
  return message;
};

test('a row that Postgres refuses even without its headers is parked, and the next ones are stored', async () => {
  await publisher.publish(deadLetter('m1', 'good'));
  await publisher.publish(deadLetter('m2', REFUSED));
  await publisher.publish(deadLetter('m3', 'good'));
  const onParked = vi.fn();
  start({ onParked });
  await eventually(storedIds).toEqual(['m1', 'm3']);
  await eventually(() => ready(names.parkedQueue)).toBe(1);
  await eventually(() => ready(names.deadQueue)).toBe(0);
  const { content, properties } = await takeParked();
  expect(content.equals(REFUSED)).toBe(true);
  expect(properties).toMatchObject({
    messageId: 'm2',
    contentType: 'application/json',
    deliveryMode: 2,
    replyTo: undefined,
    headers: { 'x-pulse-parked': 'refused', traceparent: 'kept' },
  });
  expect(onParked.mock.calls).toEqual([['refused']]);
  await publisher.publish(deadLetter('m4', 'good'));
  await eventually(storedIds).toEqual(['m1', 'm3', 'm4']);
});

test('what is moved back after the cause is gone becomes the row that it would have been', async () => {
  const writer = start();
  await publisher.publish(deadLetter('m1', REFUSED));
  await eventually(() => ready(names.parkedQueue)).toBe(1);
  await writer.close();
  const { content, properties } = await takeParked();
  await pool.query('ALTER TABLE dead_letters RENAME CONSTRAINT test_only TO test_off');
  await pool.query('ALTER TABLE dead_letters DROP CONSTRAINT test_off');
  try {
    // As a shovel does it: the same properties, through the default exchange.
    channel.sendToQueue(names.deadQueue, content, properties);
    start();
    await eventually(storedIds).toEqual(['m1']);
    const [row] = await listDeadLetters(pool, { limit: 1 });
    expect(row).toMatchObject({
      reason: 'invalid_tenant',
      detail: 'tenant must not be empty.',
      exchange: 'origin',
      routingKey: 'original key',
      redelivered: true,
      bodyBytes: REFUSED.length,
    });
  } finally {
    await pool.query('DELETE FROM dead_letters');
    await pool.query(
      `ALTER TABLE dead_letters ADD CONSTRAINT test_only CHECK (position('refused'::bytea IN body) = 0)`,
    );
  }
});

test('while the parked queue does not exist, what must be parked stays, and all others are stored', async () => {
  await channel.deleteQueue(names.parkedQueue);
  // More than the writer holds at a time, ahead of the good one.
  const count = 25;
  for (let index = 0; index < count; index++) {
    await publisher.publish(deadLetter(`r${index}`, REFUSED));
  }
  await publisher.publish(deadLetter('good', 'good'));
  const writer = start({ prefetch: 4 });
  await eventually(storedIds).toEqual(['good']);
  expect(writer.state).toBe('writing');
  await declareTopology(connection, services.queue);
  await eventually(() => ready(names.parkedQueue), { timeout: 90_000 }).toBe(count);
  await eventually(() => ready(names.deadQueue)).toBe(0);
  expect(await storedIds()).toEqual(['good']);
}, 120_000);

test('while the parked queue refuses messages, they stay where they are and the others are stored', async () => {
  await channel.deleteQueue(names.parkedQueue);
  await channel.assertQueue(names.parkedQueue, {
    durable: true,
    arguments: { 'x-queue-type': 'quorum', 'x-overflow': 'reject-publish', 'x-max-length': 1 },
  });
  // A quorum queue takes a few more than its limit before it refuses.
  while (
    await publisher
      .publish({ exchange: '', routingKey: names.parkedQueue, body: Buffer.from('full') })
      .then(
        () => true,
        () => false,
      )
  );
  const fullCount = await ready(names.parkedQueue);
  const query = vi.fn((text: string, _headers: unknown, parameters: unknown[]) =>
    pool.query(text, parameters),
  );
  const given = {
    query: (text: string, parameters: unknown[][]) => query(text, parameters[4]?.[0], parameters),
  };
  const startedMs = performance.now();
  await publisher.publish(deadLetter('m1', REFUSED));
  await publisher.publish(deadLetter('m2', 'good'));
  const writer = start({ pool: given as unknown as Pool });
  await eventually(storedIds).toEqual(['m2']);
  await publisher.publish(deadLetter('m3', 'good'));
  await eventually(storedIds).toEqual(['m2', 'm3']);
  // Each time it comes back it is tried without its headers, after delays of half a second, a second, and so on.
  const tries = () => query.mock.calls.filter(([, headers]) => headers === '{}').length;
  await eventually(tries).toBeGreaterThanOrEqual(3);
  expect(performance.now() - startedMs).toBeGreaterThan(1_000);
  expect(await ready(names.parkedQueue)).toBe(fullCount);
  await writer.close();
  await eventually(() => ready(names.deadQueue)).toBe(1);
  await channel.deleteQueue(names.parkedQueue);
});

test('a writer that dies after the confirm and before the acknowledgement loses nothing', async () => {
  const proxy = await startTcpProxy(services.rabbitmqUrl);
  const onParked = vi.fn(() => {
    if (onParked.mock.calls.length === 1) proxy.cut();
  });
  await publisher.publish(deadLetter('m1', REFUSED));
  const writer = start({ url: proxy.url, onParked });
  await eventually(() => onParked.mock.calls.length).toBe(1);
  await eventually(() => ready(names.deadQueue)).toBe(1);
  proxy.heal();
  await eventually(() => ready(names.parkedQueue)).toBe(2);
  await eventually(() => ready(names.deadQueue)).toBe(0);
  expect((await takeParked()).content.equals(REFUSED)).toBe(true);
  await writer.close();
  await proxy.close();
});

test('what came back too often is parked without its headers, and is not tried again', async () => {
  await publisher.publish(deadLetter('m1', 'good'));
  for (let count = 0; count < 3; count++) {
    await withChannel(services.rabbitmqUrl, async (other) => {
      await eventually(() => ready(names.deadQueue)).toBe(1);
      expect(await other.get(names.deadQueue)).not.toBe(false);
    });
  }
  await eventually(() => ready(names.deadQueue)).toBe(1);
  start({ returnsMax: 2 });
  await eventually(() => ready(names.parkedQueue)).toBe(1);
  expect(await storedIds()).toEqual([]);
  const { content, properties } = await takeParked();
  expect(content.toString()).toBe('good');
  expect(properties.headers).toMatchObject({ 'x-pulse-parked': 'returned' });
  expect(properties.headers).not.toHaveProperty('traceparent');
});

test('what came back as often as it may is stored, and so is a count that a producer forged', async () => {
  await publisher.publish(deadLetter('m1', 'good'));
  for (let count = 0; count < 2; count++) {
    await withChannel(services.rabbitmqUrl, async (other) => {
      await eventually(() => ready(names.deadQueue)).toBe(1);
      expect(await other.get(names.deadQueue)).not.toBe(false);
    });
  }
  await eventually(() => ready(names.deadQueue)).toBe(1);
  channel.sendToQueue(names.deadQueue, Buffer.from('forged'), {
    messageId: 'm2',
    headers: { 'x-delivery-count': 1_000_000 },
  });
  await channel.waitForConfirms();
  start({ returnsMax: 2 });
  await eventually(storedIds).toEqual(['m1', 'm2']);
  expect(await ready(names.parkedQueue)).toBe(0);
});
