import { expect, test } from 'vitest';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox } from '../../src/messaging/outbox.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { withChannel } from '../support/servers.ts';
import { useMessagingFixture } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

const ORIGIN = { correlationId: 'request-1', traceparent: undefined };
/** More than a relay publishes at a time. */
const REFUSED = 60;
const WAIT = { timeout: 20_000, interval: 50 };

test('messages for a full queue are put off, and the others go on', async () => {
  const full = `${fixture.queue}.full`;
  await withChannel(fixture.rabbitmqUrl, async (channel) => {
    const limits = { 'x-max-length': 1, 'x-overflow': 'reject-publish' };
    await channel.assertQueue(full, { arguments: { 'x-queue-type': 'quorum', ...limits } });
    // A quorum queue takes some more before it notices that it is full.
    for (let index = 0; index < 100; index++) channel.sendToQueue(full, Buffer.from('{}'));
    await expect
      .poll(async () => (await channel.checkQueue(full)).messageCount, WAIT)
      .toBeGreaterThan(1);
  });
  await writeMany({ exchange: '', routingKey: full });
  await fixture.send({ value: 'of another queue' });
  fixture.startRelay();
  fixture.startConsumer();
  await expect.poll(failedCount, WAIT).toBe(REFUSED);
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['of another queue']);
  const { rows } = await fixture.pool.query<{ last_error: string }>(
    'SELECT DISTINCT last_error FROM graphile_worker.jobs WHERE last_error IS NOT NULL',
  );
  expect(rows[0]!.last_error).toContain(`routing key "${full}"`);

  await withChannel(fixture.rabbitmqUrl, (channel) => channel.deleteQueue(full));
});

test('messages for an exchange that does not exist are put off, the others go on, and all go once it exists', async () => {
  const exchange = `${fixture.queue}.missing`;
  await writeMany({ exchange, routingKey: fixture.binding.routingKey });
  await fixture.send({ value: 'of another exchange' });
  fixture.startRelay();
  fixture.startConsumer();
  await expect.poll(failedCount, WAIT).toBe(REFUSED);
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['of another exchange']);

  await withChannel(fixture.rabbitmqUrl, async (channel) => {
    await channel.assertExchange(exchange, 'topic');
    await channel.bindQueue(fixture.binding.queue, exchange, fixture.binding.routingKey);
  });
  await expect
    .poll(async () => {
      await fixture.hurry();
      return (await fixture.effects()).length;
    }, WAIT)
    .toBe(REFUSED + 1);
  await withChannel(fixture.rabbitmqUrl, (channel) => channel.deleteExchange(exchange));
});

async function writeMany(address: { exchange: string; routingKey: string }): Promise<void> {
  await withTransaction(fixture.pool, async (client) => {
    for (let index = 0; index < REFUSED; index++) {
      const message = { ...address, body: { value: `refused ${index}` } };
      await writeToOutbox(client, toPublication(message, ORIGIN, Date.now()));
    }
  });
}

async function failedCount(): Promise<number | null> {
  return (await fixture.pool.query('SELECT FROM graphile_worker.jobs WHERE last_error IS NOT NULL'))
    .rowCount;
}
