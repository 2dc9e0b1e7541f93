import { randomBytes } from 'node:crypto';
import type { ConfirmChannel, ChannelModel } from 'amqplib';
import { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { toDeadLetterPublication } from '../../src/contract/dead-letter.ts';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import { declareTopology, readQueueDepth, topologyNames } from '../../src/platform/topology.ts';
import { createPublisher, type Publisher } from '../../src/publish/publisher.ts';
import {
  countDeadLettersByReason,
  listDeadLetters,
} from '../../src/quarantine/quarantine-query.ts';
import {
  startQuarantineWriter,
  type QuarantineWriter,
  type QuarantineWriterDeps,
} from '../../src/quarantine/writer.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

const logger = pino({ level: 'silent' });
let services: IsolatedServices;
let connection: ChannelModel;
let channel: ConfirmChannel;
let publisher: Publisher;
let pool: Pool;
let deadQueue: string;
const writers: QuarantineWriter[] = [];

beforeAll(async () => {
  services = await isolatedServices();
  ({ deadQueue } = topologyNames(services.queue));
  connection = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
  await declareTopology(connection, services.queue);
  channel = await connection.createConfirmChannel();
  publisher = createPublisher({ url: services.rabbitmqUrl, logger });
  pool = new Pool({ connectionString: services.databaseUrl });
});
afterAll(async () => {
  await publisher.close();
  await pool.end();
  await closeRabbitConnection(connection);
  await services.close();
});
beforeEach(async () => {
  await channel.purgeQueue(deadQueue);
  await pool.query('DELETE FROM dead_letters');
});
afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.close()));
});

function start(changes: Partial<QuarantineWriterDeps> = {}): QuarantineWriter {
  const { rabbitmqUrl: url, queue } = services;
  const writer = startQuarantineWriter({ url, queue, pool, logger, ...changes });
  writers.push(writer);
  return writer;
}

/** What ingest publishes for one bad pulse. */
function deadLetter(messageId: string | undefined, body = '{"tenant":""}') {
  const content = Buffer.from(body);
  return toDeadLetterPublication(topologyNames(services.queue).deadExchange, {
    rejection: { reason: 'invalid_tenant', detail: 'tenant must not be empty.' },
    delivery: {
      fields: { exchange: services.queue, routingKey: services.queue, redelivered: false },
      properties: { messageId },
    },
    body: content,
  });
}

async function rowsSettle(total: number): Promise<void> {
  await eventually(async () => ({
    rows: (await countDeadLettersByReason(pool)).total,
    queued: (await readQueueDepth(connection, deadQueue))?.readyCount,
  })).toEqual({ rows: total, queued: 0 });
}

describe('startQuarantineWriter', () => {
  test('writes every dead letter once, those that came together in one statement', async () => {
    await Promise.all(
      Array.from({ length: 100 }, (_, index) => publisher.publish(deadLetter(`m${index}`))),
    );
    const query = vi.fn(pool.query.bind(pool));
    const counts = new Map<string, number>();
    start({
      pool: { query } as unknown as Pool,
      onWritten: (more) => {
        for (const [reason, count] of more) counts.set(reason, (counts.get(reason) ?? 0) + count);
      },
    });
    await rowsSettle(100);
    expect(query.mock.calls.length).toBeLessThan(100);
    expect(Object.fromEntries(counts)).toEqual({ invalid_tenant: 100 });
    expect(await countDeadLettersByReason(pool)).toEqual({
      total: 100,
      byReason: { invalid_tenant: 100 },
    });
    const [row] = await listDeadLetters(pool, { limit: 1, reason: 'invalid_tenant' });
    expect(row).toMatchObject({ reason: 'invalid_tenant', bodyBytes: 13, pulseIndex: null });
    expect(await listDeadLetters(pool, { limit: 1, reason: 'unknown' })).toEqual([]);
  });

  test('drops a second copy of the same pulse, and keeps both of two without an identity', async () => {
    await publisher.publish(deadLetter('m1'));
    await publisher.publish(deadLetter('m1'));
    await publisher.publish(deadLetter(undefined));
    await publisher.publish(deadLetter(undefined));
    start();
    await rowsSettle(3);
  });

  test('keeps a pulse that the broker dead-lettered', async () => {
    const consumer = await connection.createConfirmChannel();
    consumer.publish(services.queue, services.queue, Buffer.from('poison'), { messageId: 'p' });
    await consumer.waitForConfirms();
    const { consumerTag } = await consumer.consume(services.queue, (delivery) => {
      if (delivery !== null) consumer.nack(delivery, false, true);
    });
    start();
    await rowsSettle(1);
    await consumer.cancel(consumerTag);
    await consumer.close();
    const [row] = await listDeadLetters(pool, { limit: 1 });
    expect(row).toMatchObject({ reason: 'delivery_limit', messageId: 'p', bodyBytes: 6 });
  });

  test('keeps bodies of any bytes and any size', async () => {
    await publisher.publish(deadLetter('nul', 'a\u0000b'));
    await publisher.publish({ ...deadLetter('large'), body: Buffer.alloc(10_000_000, 0xff) });
    start();
    await rowsSettle(2);
    const { rows } = await pool.query<{ bytes: number }>(
      'SELECT octet_length(body) AS bytes FROM dead_letters ORDER BY 1',
    );
    expect(rows.map(({ bytes }) => bytes)).toEqual([3, 10_000_000]);
  });

  test('stores a row that Postgres refuses in reduced form, and the others in full', async () => {
    await pool.query(
      `ALTER TABLE dead_letters ADD CONSTRAINT test_only CHECK (message_id <> 'refused')`,
    );
    await publisher.publish(deadLetter('m1'));
    await publisher.publish(deadLetter('refused'));
    await publisher.publish(deadLetter('m2'));
    start();
    await rowsSettle(3);
    await pool.query('ALTER TABLE dead_letters DROP CONSTRAINT test_only');
    const rows = await listDeadLetters(pool, { limit: 10 });
    expect(rows.map(({ messageId }) => messageId).sort()).toEqual(['m1', 'm2', null]);
    expect(rows.find(({ messageId }) => messageId === null)).toMatchObject({
      reason: 'unknown',
      detail: 'Refused as invalid_tenant; stored without headers because of SQLSTATE 23514.',
      bodyBytes: 13,
    });
  });

  test('stores a message with a forged queue name that is too long for an index, and the messages after it', async () => {
    // Random, because Postgres compresses repetitions.
    const queue = randomBytes(20_000).toString('hex');
    const forged = { 'x-death': [{ reason: 'rejected', queue }] };
    channel.sendToQueue(deadQueue, Buffer.from('forged'), { headers: forged });
    await channel.waitForConfirms();
    await publisher.publish(deadLetter('m1'));
    start();
    await rowsSettle(2);
  });

  test('holds no more than its prefetch while Postgres is unavailable, and then continues', async () => {
    let away = true;
    const query = vi.fn((...given: [string, unknown[]]) =>
      away ? Promise.reject(new Error('connection refused')) : pool.query(...given),
    );
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => publisher.publish(deadLetter(`m${index}`))),
    );
    const writer = start({ pool: { query } as unknown as Pool, prefetch: 5 });
    await eventually(() => writer.state === 'paused' && query.mock.calls.length > 1).toBe(true);
    expect(await readQueueDepth(connection, deadQueue)).toMatchObject({ readyCount: 25 });
    away = false;
    await rowsSettle(30);
    expect(writer.state).toBe('writing');
  });

  test('loses nothing when the broker is lost between two inserts', async () => {
    const proxy = await startTcpProxy(services.rabbitmqUrl);
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => publisher.publish(deadLetter(`m${index}`))),
    );
    const writer = start({ url: proxy.url, prefetch: 3 });
    await eventually(async () => (await countDeadLettersByReason(pool)).total).toBeGreaterThan(10);
    proxy.cut();
    await eventually(() => writer.state).toBe('waiting');
    proxy.heal();
    await rowsSettle(200);
    await writer.close();
    await proxy.close();
  });

  test('returns what it holds to the queue when it closes while Postgres is unavailable', async () => {
    await publisher.publish(deadLetter('m1'));
    const query = () => Promise.reject(new Error('connection refused'));
    const writer = start({ pool: { query } as unknown as Pool });
    await eventually(() => writer.state).toBe('paused');
    await writer.close();
    expect(writer.state).toBe('closed');
    await eventually(() => readQueueDepth(connection, deadQueue)).toMatchObject({ readyCount: 1 });
  });
});
