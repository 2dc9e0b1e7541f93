import type { ChannelModel } from 'amqplib';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkRabbit } from '../../src/doctor/check-rabbit.ts';
import {
  closeRabbitConnection,
  openRabbitConnection,
} from '../../src/platform/rabbit-connection.ts';
import { declareTopology, lookAtTopology, topologyNames } from '../../src/platform/topology.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { deleteTopology, withChannel } from '../support/servers.ts';

let services: IsolatedServices;
let connection: ChannelModel;

beforeAll(async () => {
  services = await isolatedServices();
  connection = await openRabbitConnection(services.rabbitmqUrl, { name: 'test' });
});
beforeEach(async () => {
  await deleteTopology(services.rabbitmqUrl, services.queue);
});
afterAll(async () => {
  await closeRabbitConnection(connection);
  await services.close();
});

async function problems() {
  const { rabbitmqUrl, queue } = services;
  const findings = await checkRabbit(rabbitmqUrl, queue, () => Promise.resolve(false));
  return findings.filter(({ status }) => status !== 'ok');
}

async function missing(): Promise<string[]> {
  const sights = await lookAtTopology(connection, services.queue);
  return sights.flatMap(({ kind, name, exists }) => (exists ? [] : [`${kind} ${name}`]));
}

test('before the first start nothing is created', async () => {
  expect(await problems()).toEqual([
    {
      name: 'rabbitmq queue',
      status: 'warning',
      detail: expect.stringContaining('does not exist yet') as string,
    },
  ]);
  expect(await missing()).toHaveLength(5);
});

test.each([
  ['exchange', 'exchange', 'rabbitmq exchanges', 'danger'],
  ['exchange', 'deadExchange', 'rabbitmq exchanges', 'danger'],
  ['queue', 'queue', 'rabbitmq queue', 'danger'],
  ['queue', 'deadQueue', 'rabbitmq dead letters', 'danger'],
  ['queue', 'parkedQueue', 'rabbitmq parked', 'warning'],
] as const)('the %s "%s" is missed, and not created again', async (kind, key, name, status) => {
  await declareTopology(connection, services.queue);
  expect(await problems()).toEqual([]);
  const deleted = topologyNames(services.queue)[key];
  await withChannel(services.rabbitmqUrl, (channel) =>
    kind === 'queue' ? channel.deleteQueue(deleted) : channel.deleteExchange(deleted),
  );
  const detail = expect.stringContaining(`"${deleted}"`) as string;
  expect(await problems()).toEqual([{ name, status, detail }]);
  expect(await missing()).toEqual([`${kind} ${deleted}`]);
});

test('a binding that somebody has deleted is not made again', async () => {
  await declareTopology(connection, services.queue);
  const { queue, exchange, routingKey } = topologyNames(services.queue);
  await withChannel(services.rabbitmqUrl, (channel) =>
    channel.unbindQueue(queue, exchange, routingKey),
  );
  await problems();
  const channel = await connection.createConfirmChannel();
  let returned = 0;
  channel.on('return', () => (returned += 1));
  channel.publish(exchange, routingKey, Buffer.from('{}'), { mandatory: true });
  await channel.waitForConfirms();
  await channel.close();
  expect(returned).toBe(1);
});

test('what exists is compared, also when something else is missing', async () => {
  await withChannel(services.rabbitmqUrl, (channel) =>
    channel.assertExchange(services.queue, 'topic', { durable: true }),
  );
  const detail = expect.stringContaining(
    'exists with a different type: Pulse needs "direct", it has "topic".',
  ) as string;
  expect(await problems()).toContainEqual({ name: 'rabbitmq exchanges', status: 'danger', detail });
});
