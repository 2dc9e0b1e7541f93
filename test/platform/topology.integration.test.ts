import type { ChannelModel } from 'amqplib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FatalError } from '../../src/core/errors.ts';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import {
  declareTopology,
  declareTopologyAt,
  readQueueDepth,
  topologyNames,
} from '../../src/platform/topology.ts';
import { eventually } from '../support/eventually.ts';
import { startPrivateRabbit } from '../support/private-rabbit.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { deleteTopology } from '../support/servers.ts';

let services: IsolatedServices;
let connection: ChannelModel;

beforeAll(async () => {
  services = await isolatedServices();
  connection = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
});
afterAll(async () => {
  await closeRabbitConnection(connection);
  await services.close();
});

/** Deletes the queues and exchanges of `queue` after `work`. */
async function withQueue(name: string, work: (queue: string) => Promise<void>): Promise<void> {
  const queue = `${services.queue}.${name}`;
  try {
    await work(queue);
  } finally {
    await deleteTopology(services.rabbitmqUrl, queue);
  }
}

describe('declareTopology', () => {
  test('can be repeated, and routes pulses to the queue', async () => {
    const { queue, rabbitmqUrl } = services;
    await declareTopologyAt(rabbitmqUrl, queue);
    await declareTopology(connection, queue);
    const channel = await connection.createConfirmChannel();
    channel.publish(topologyNames(queue).exchange, queue, Buffer.from('{}'), { persistent: true });
    await channel.waitForConfirms();
    await channel.close();
    await eventually(() => readQueueDepth(connection, queue)).toEqual({
      readyCount: 1,
      consumerCount: 0,
    });
  });

  test('says which argument of an existing queue differs, and what to do', async () => {
    await withQueue('other', async (queue) => {
      const channel = await connection.createChannel();
      await channel.assertQueue(queue, {
        durable: true,
        arguments: {
          'x-queue-type': 'quorum',
          'x-overflow': 'reject-publish',
          'x-dead-letter-exchange': `${queue}.dead`,
          'x-dead-letter-strategy': 'at-least-once',
          'x-delivery-limit': 5,
        },
      });
      await channel.close();
      const failure = await declareTopology(connection, queue).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(FatalError);
      expect(failure).toMatchObject({
        code: 'PULSE_RABBIT_TOPOLOGY',
        message:
          `The queue "${queue}" in virtual host "/" exists with a different x-delivery-limit: ` +
          `Pulse needs "20", it has "5". Drain and delete it, or set PULSE_QUEUE to a new name.`,
      });
    });
  });

  test('takes the queue of dead letters as version 0.1 declared it', async () => {
    await withQueue('older', async (queue) => {
      const channel = await connection.createChannel();
      await channel.assertQueue(topologyNames(queue).deadQueue, {
        durable: true,
        arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 2_147_483_647 },
      });
      await channel.close();
      await declareTopology(connection, queue);
      await declareTopology(connection, queue);
    });
  });

  test('where a policy limits the queues, none drops a message: the newest are refused', async () => {
    const rabbit = await startPrivateRabbit();
    const own = await openRabbitConnection(rabbit.url, { name: 'test' });
    try {
      const { queue, deadQueue, parkedQueue } = topologyNames('pulses');
      await declareTopology(own, queue);
      await rabbit.limitLength('^pulses', 1);
      for (const name of [queue, deadQueue, parkedQueue]) {
        const channel = await own.createConfirmChannel();
        const publish = (id: string): Promise<boolean> =>
          new Promise((resolve) => {
            channel.publish('', name, Buffer.from(id), { persistent: true }, (error: unknown) => {
              resolve(error === null);
            });
          });
        let confirmed = 0;
        while (confirmed < 100 && (await publish(`${confirmed}`))) confirmed += 1;
        expect((await readQueueDepth(own, name))?.readyCount).toBe(confirmed);
        expect(await channel.get(name)).toMatchObject({ content: Buffer.from('0') });
      }
    } finally {
      await closeRabbitConnection(own);
      await rabbit.close();
    }
  });

  test('refuses a classic queue of the same name', async () => {
    await withQueue('classic', async (queue) => {
      const channel = await connection.createChannel();
      await channel.assertQueue(queue, { durable: true });
      await channel.close();
      await expect(declareTopology(connection, queue)).rejects.toThrow(
        /^The queue ".*" is a classic queue: Pulse needs x-queue-type "quorum"\./,
      );
    });
  });

  test('refuses an exchange of another type', async () => {
    await withQueue('exchange', async (queue) => {
      const channel = await connection.createChannel();
      await channel.assertExchange(queue, 'topic', { durable: true });
      await channel.close();
      await expect(declareTopology(connection, queue)).rejects.toThrow(
        'exists with a different type: Pulse needs "direct", it has "topic".',
      );
    });
  });

  test('moves a pulse that is never acknowledged to the dead-letter queue', async () => {
    await withQueue('limit', async (queue) => {
      await declareTopology(connection, queue);
      const channel = await connection.createConfirmChannel();
      channel.publish(queue, queue, Buffer.from('poison'), { persistent: true, messageId: 'm1' });
      await channel.waitForConfirms();
      let attempts = 0;
      await channel.consume(queue, (delivery) => {
        attempts++;
        if (delivery !== null) channel.nack(delivery, false, true);
      });
      await eventually(() => readQueueDepth(connection, `${queue}.dead`)).toMatchObject({
        readyCount: 1,
      });
      expect(attempts).toBe(21);
      const dead = await channel.get(`${queue}.dead`, { noAck: true });
      if (dead === false) throw new Error('The dead letter is gone.');
      expect(dead.properties.messageId).toBe('m1');
      expect(dead.properties.headers?.['x-death']?.[0]).toMatchObject({
        reason: 'delivery_limit',
        queue,
        exchange: queue,
      });
      await channel.close();
    });
  });
});

describe('readQueueDepth', () => {
  test('returns undefined for a queue that does not exist', async () => {
    expect(await readQueueDepth(connection, `${services.queue}.none`)).toBeUndefined();
  });
});
