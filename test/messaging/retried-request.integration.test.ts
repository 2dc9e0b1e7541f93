import { expect, test } from 'vitest';
import { useMessagingFixture } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

const WAIT = { timeout: 20_000, interval: 50 };

test('a request without an id is retried although an earlier one looked the same', async () => {
  fixture.startRelay();
  fixture.startConsumer();
  const ask = () =>
    fixture.publish({
      exchange: fixture.binding.exchange,
      routingKey: fixture.binding.routingKey,
      body: Buffer.from(JSON.stringify({ value: 'again', failing: 1 })),
      correlationId: '1',
      replyTo: 'answers',
    });
  for (const count of [2, 4]) {
    await ask();
    await expect.poll(() => fixture.outcomes, WAIT).toHaveLength(count - 1);
    await fixture.hurry();
    await expect.poll(() => fixture.outcomes, WAIT).toHaveLength(count);
  }
  expect(fixture.outcomes).toEqual(['retried', 'done', 'retried', 'done']);
  expect((await fixture.effects()).filter((value) => value === 'again')).toHaveLength(2);
});
