import { expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { readOutboxDepth } from '../../src/messaging/relay-query.ts';
import { useMessagingFixture } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

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
