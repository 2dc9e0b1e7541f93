import { randomUUID } from 'node:crypto';
import type { Channel, ChannelModel } from 'amqplib';
import { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import { declareTopology } from '../../src/platform/topology.ts';
import { findPopulateRun } from '../../src/populate/populate-runs-query.ts';
import { createPopulateRuns } from '../../src/populate/populate-runs.ts';
import { startPopulateRun, type PopulateDeps } from '../../src/populate/populate.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';

const logger = pino({ level: 'silent' });
let services: IsolatedServices;
let connection: ChannelModel;
let channel: Channel;
let proxy: TcpProxy;
let pool: Pool;

beforeAll(async () => {
  services = await isolatedServices();
  connection = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
  await declareTopology(connection, services.queue);
  channel = await connection.createChannel();
  pool = new Pool({ connectionString: services.databaseUrl });
});
afterAll(async () => {
  await pool.end();
  await closeRabbitConnection(connection);
  await services.close();
});
beforeEach(async () => {
  proxy = await startTcpProxy(services.rabbitmqUrl);
  await channel.purgeQueue(services.queue);
});
afterEach(async () => {
  await proxy.close();
});

function deps(): PopulateDeps {
  return { url: proxy.url, queue: services.queue, logger };
}

/** The ids in the queue, and how often each is there. */
async function idsInQueue(): Promise<Map<string, number>> {
  const ids = new Map<string, number>();
  for (;;) {
    const delivery = await channel.get(services.queue, { noAck: true });
    if (delivery === false) return ids;
    const id = delivery.properties.messageId as string;
    ids.set(id, (ids.get(id) ?? 0) + 1);
  }
}

describe('startPopulateRun', () => {
  test('publishes exactly as many as requested', async () => {
    const run = startPopulateRun(deps(), {
      total: 1_000,
      workers: 3,
      buffer: 50,
      pulsesPerMessage: 1,
    });
    expect(run.progress()).toMatchObject({ state: 'running', total: 1_000, finishedAt: null });
    const last = await run.done;
    expect(last).toMatchObject({ state: 'completed', published: 1_000, confirmed: 1_000 });
    expect(last.ratePerSecond).toBeGreaterThan(0);
    expect((await idsInQueue()).size).toBe(1_000);
  });

  test('sends arrays, of which the last has the rest, and counts their pulses', async () => {
    const run = startPopulateRun(deps(), {
      ...{ total: 1_050, workers: 3, buffer: 10, pulsesPerMessage: 100 },
    });
    expect(await run.done).toMatchObject({
      state: 'completed',
      published: 1_050,
      confirmed: 1_050,
    });
    const lengths: number[] = [];
    for (let count = 0; count < 11; count++) {
      const delivery = await channel.get(services.queue, { noAck: true });
      if (delivery === false) break;
      lengths.push((JSON.parse(delivery.content.toString()) as unknown[]).length);
    }
    expect(lengths.sort((left, right) => left - right)).toEqual([
      50,
      ...Array.from({ length: 10 }, () => 100),
    ]);
    expect((await idsInQueue()).size).toBe(0);
  });

  test('survives the loss of the broker: every id arrives, and none is new', async () => {
    const sent: string[] = [];
    const pulses = Array.from({ length: 1_500 }, (_, index) => {
      const messageId = `m${index}`;
      sent.push(messageId);
      return { body: Buffer.from('{}'), messageId };
    });
    const run = startPopulateRun(
      { ...deps(), pulses },
      { total: 1_500, workers: 2, buffer: 100, pulsesPerMessage: 1 },
    );
    await eventually(() => run.progress().confirmed).toBeGreaterThan(200);
    proxy.cut();
    await eventually(() => run.progress().retried).toBeGreaterThan(0);
    proxy.heal();
    expect(await run.done).toMatchObject({ state: 'completed', confirmed: 1_500, error: null });
    expect([...(await idsInQueue()).keys()].sort()).toEqual(sent.sort());
  });

  test('stops soon when it is cancelled', async () => {
    const run = startPopulateRun(deps(), {
      total: 1_000_000,
      workers: 1,
      buffer: 10,
      pulsesPerMessage: 1,
    });
    await eventually(() => run.progress().confirmed).toBeGreaterThan(10);
    run.cancel();
    const last = await run.done;
    expect(last.state).toBe('cancelled');
    expect((await idsInQueue()).size).toBe(last.confirmed);
  });

  test('fails with a reason when the broker stays unavailable', async () => {
    proxy.cut();
    const run = startPopulateRun(
      { ...deps(), giveUpAfterMs: 0, waitTimeoutMs: 200 },
      { total: 10, workers: 1, buffer: 1, pulsesPerMessage: 1 },
    );
    expect(await run.done).toMatchObject({
      state: 'failed',
      confirmed: 0,
      error: 'RabbitMQ could not be reached in time.',
    });
  });
});

describe('createPopulateRuns', () => {
  test('lets every process read the progress of a run', async () => {
    const runs = createPopulateRuns({ ...deps(), rabbitmqUrl: services.rabbitmqUrl, pool });
    const request = {
      total: 500,
      workers: 2,
      buffer: 20,
      pulsesPerMessage: 1,
      requestedBy: 'admin',
    };
    const { id, state } = await runs.start(request);
    expect(state).toBe('running');
    expect(runs.totals()).toMatchObject({ running: 1, wanted: 500 });
    await eventually(() => findPopulateRun(pool, id)).toMatchObject({
      state: 'completed',
      total: 500,
      published: 500,
      confirmed: 500,
      workers: 2,
      buffer: 20,
      pulsesPerMessage: 1,
      error: null,
    });
    expect((await runs.find(id))?.finishedAt).toBeInstanceOf(Date);
    const many = await runs.start({ ...request, total: 30, pulsesPerMessage: 20 });
    expect(many.pulsesPerMessage).toBe(20);
    const ended = { running: 0, wanted: 530, published: 530, confirmed: 530, retried: 0 };
    await eventually(() => runs.totals()).toEqual(ended);
    await runs.close();
  });

  test('stores its runs as cancelled when it closes', async () => {
    const runs = createPopulateRuns({ ...deps(), rabbitmqUrl: services.rabbitmqUrl, pool });
    const request = {
      total: 10_000_000,
      workers: 1,
      buffer: 10,
      pulsesPerMessage: 1,
      requestedBy: 'admin',
    };
    const { id } = await runs.start(request);
    await runs.close();
    expect(await findPopulateRun(pool, id)).toMatchObject({ state: 'cancelled' });
  });

  test('reports a run as interrupted when its process has stopped reporting', async () => {
    const id = randomUUID();
    await pool.query(
      `INSERT INTO populate_runs (id, state, total, workers, buffer, updated_at)
       VALUES ($1, 'running', 1, 1, 1, now() - interval '1 minute')`,
      [id],
    );
    expect(await findPopulateRun(pool, id)).toMatchObject({ state: 'interrupted' });
    expect(await findPopulateRun(pool, randomUUID())).toBeUndefined();
  });
});
