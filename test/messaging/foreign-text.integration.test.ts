import { expect, test } from 'vitest';
import { ImpossibleError, type MessageHandler } from '../../src/messaging/handler.ts';
import { countOutboxOf } from '../../src/messaging/relay-query.ts';
import { withChannel } from '../support/servers.ts';
import { testHandler, useMessagingFixture } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

const WAIT = { timeout: 20_000, interval: 50 };

/** Refuses every message. */
function refuseWith(detail: string): MessageHandler {
  return {
    ...testHandler(fixture.binding),
    parse() {
      throw new ImpossibleError({ code: 'refused', detail });
    },
  };
}

test.each([
  ['a routing key with U+0000', { routingKey: 'foreign.\0', detail: 'No.' }],
  ['a reason with U+0000', { routingKey: 'foreign.key', detail: 'What is "\0"?' }],
  [
    'a reason that is cut within a character',
    { routingKey: 'foreign.key', detail: '🙂'.repeat(300) },
  ],
  ['a reason with half of a character', { routingKey: 'foreign.key', detail: 'What is "\ud83d"?' }],
])('a dead letter with %s can be read while it waits', async (_what, { routingKey, detail }) => {
  const { exchange, queue } = fixture.binding;
  await withChannel(fixture.rabbitmqUrl, (channel) =>
    channel.bindQueue(queue, exchange, 'foreign.*'),
  );
  const consumer = fixture.startConsumer(refuseWith(detail));
  await fixture.publish({ exchange, routingKey, body: Buffer.from('{}'), messageId: 'foreign-1' });
  await expect.poll(() => fixture.outcomes, WAIT).toEqual(['impossible']);
  await consumer.close(1_000);
  expect(await countOutboxOf(fixture.pool, 'nobody')).toBe(0);
  const { rows } = await fixture.pool.query<{ exchange: string }>(
    `SELECT payload->>'exchange' AS exchange FROM graphile_worker._private_jobs`,
  );
  expect(rows).toEqual([{ exchange: fixture.deadExchange }]);

  fixture.startRelay();
  await expect.poll(() => fixture.jobCount(), WAIT).toBe(0);
  expect(await fixture.takeDeadLetter()).not.toBe(false);
});
