import { expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { toPublication } from '../../src/messaging/message.ts';
import { writeToOutbox, type OutboxOptions } from '../../src/messaging/outbox.ts';
import { readOutboxDepth } from '../../src/messaging/relay-query.ts';
import { withTransaction } from '../../src/platform/postgres.ts';
import { useMessagingFixture } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

const ORIGIN = { correlationId: 'request-1', traceparent: undefined };
const WAIT = { timeout: 20_000, interval: 50 };

test('while RabbitMQ takes nothing, a relay has two large messages at most; small ones wait beside them', async () => {
  let isDown = true;
  const tried = { small: 0, large: 0 };
  fixture.startRelay((publication) => {
    if (!isDown) return fixture.publish(publication);
    tried[publication.body.length > 100_000 ? 'large' : 'small'] += 1;
    return Promise.reject(new TransientError('PULSE_RABBIT_BLOCKED', 'RabbitMQ has an alarm.'));
  });
  fixture.startConsumer();
  const large = Array.from({ length: 8 }, (_, index) => `${index}`.repeat(200_000));
  for (const value of [...large, 'small', 'small too']) await fixture.send({ value });
  await expect.poll(() => tried.small, WAIT).toBeGreaterThan(10);
  await expect.poll(() => tried.large, WAIT).toBeGreaterThan(1);
  const { rows } = await fixture.pool.query<{ is_large: boolean; count: string }>(
    `SELECT length(payload::text) > 100000 AS is_large, count(*) FROM graphile_worker._private_jobs
     WHERE locked_at IS NOT NULL GROUP BY 1 ORDER BY 1`,
  );
  expect(rows).toEqual([
    { is_large: false, count: '2' },
    { is_large: true, count: '2' },
  ]);
  expect(await readOutboxDepth(fixture.pool)).toMatchObject({ dueCount: 10 });

  isDown = false;
  await expect.poll(() => fixture.effects(), WAIT).toEqual([...large, 'small', 'small too']);
  await expect.poll(() => fixture.jobCount(), WAIT).toBe(0);
});

test('a message that no queue has taken for long is tried again every minute; what is scheduled stays', async () => {
  const write = (value: string, routingKey: string, options: OutboxOptions = {}) =>
    withTransaction(fixture.pool, (client) => {
      const message = { exchange: fixture.binding.exchange, routingKey, body: { value } };
      return writeToOutbox(client, toPublication(message, ORIGIN, Date.now()), options);
    });
  await write('unroutable', 'nobody.wants');
  await write('later', fixture.binding.routingKey, {
    runAt: new Date(Date.now() + 6 * 3_600_000),
  });
  fixture.startRelay();
  const failed = async () =>
    (await fixture.pool.query('SELECT FROM graphile_worker.jobs WHERE last_error IS NOT NULL'))
      .rowCount;
  await expect.poll(failed, WAIT).toBe(1);
  await fixture.pool.query(
    `UPDATE graphile_worker._private_jobs SET attempts = 12, run_at = now() + interval '6 hours'
     WHERE last_error IS NOT NULL`,
  );
  const delays = async () => {
    const { rows } = await fixture.pool.query<{ minutes: number }>(
      `SELECT round(extract(epoch FROM run_at - now()) / 60)::int AS minutes
       FROM graphile_worker.jobs ORDER BY id`,
    );
    return rows.map(({ minutes }) => minutes);
  };
  await expect.poll(delays, WAIT).toEqual([1, 360]);
});
