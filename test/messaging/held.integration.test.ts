import type { PoolClient } from 'pg';
import { expect, test } from 'vitest';
import { TransientError } from '../../src/core/errors.ts';
import { defineBatchHandler, type MessageHandler } from '../../src/messaging/handler.ts';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { testHandler, useMessagingFixture, type TestBody } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

const WAIT = { timeout: 20_000, interval: 50 };

/** One that handles messages in batches. */
function batchHandler(): MessageHandler {
  return defineBatchHandler<TestBody>({
    binding: fixture.binding,
    parse: (body) => body as TestBody,
    async applyAll({ client }, bodies) {
      const values = bodies.map(({ value }) => value);
      await client.query('INSERT INTO effects SELECT unnest($1::text[])', [values]);
      return bodies.map(() => 'done');
    },
  });
}

const KINDS = [
  ['a message', () => testHandler(fixture.binding)],
  ['a batch', batchHandler],
] as const;

/** A Postgres that can be made unavailable. */
function breakablePool() {
  const state = { isDown: true, askedCount: 0 };
  const connect = (): Promise<PoolClient> => {
    state.askedCount += 1;
    return state.isDown
      ? Promise.reject(new TransientError('PULSE_POSTGRES_UNREACHABLE', 'Postgres is down.'))
      : fixture.pool.connect();
  };
  return { state, pool: { connect } };
}

const deliveredCount = () => fixture.steps.filter((step) => step === 'delivered').length;

test.each(KINDS)(
  '%s that waits for Postgres is not delivered again, however often RabbitMQ is lost',
  async (_kind, handlerOf) => {
    const proxy = await startTcpProxy(fixture.rabbitmqUrl);
    const { state, pool } = breakablePool();
    state.isDown = false;
    fixture.startRelay();
    const consumer = fixture.startConsumer(handlerOf(), { url: proxy.url, pool });
    await expect.poll(() => consumer.state, WAIT).toBe('consuming');
    state.isDown = true;
    await fixture.send({ value: 'held' });
    await expect.poll(() => consumer.state, WAIT).toBe('paused');
    for (let lost = 0; lost < 3; lost++) {
      proxy.cut();
      await expect.poll(() => consumer.state, WAIT).toBe('waiting');
      proxy.heal();
      await expect.poll(() => consumer.state, WAIT).toBe('paused');
      const { askedCount } = state;
      await expect.poll(() => state.askedCount, WAIT).toBeGreaterThan(askedCount + 1);
    }
    expect(deliveredCount()).toBe(1);

    state.isDown = false;
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['held']);
    expect(deliveredCount()).toBe(2);
    await consumer.close(1_000);
    await proxy.close();
  },
);

test.each(KINDS)(
  '%s that waits for Postgres for long goes back to RabbitMQ once, and comes when Postgres answers',
  async (_kind, handlerOf) => {
    const { state, pool } = breakablePool();
    state.isDown = false;
    fixture.startRelay();
    const consumer = fixture.startConsumer(handlerOf(), { pool, heldMsMax: 500 });
    await expect.poll(() => consumer.state, WAIT).toBe('consuming');
    state.isDown = true;
    await fixture.send({ value: 'held' });
    const { queue } = fixture.binding;
    await expect.poll(() => fixture.readyCount(queue), WAIT).toBe(1);
    await expect.poll(() => consumer.state, WAIT).toBe('paused');
    const { askedCount } = state;
    await expect.poll(() => state.askedCount, WAIT).toBeGreaterThan(askedCount + 2);
    expect(deliveredCount()).toBe(1);

    state.isDown = false;
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['held']);
    expect(deliveredCount()).toBe(2);
  },
);

test('nothing is taken from RabbitMQ before Postgres has answered', async () => {
  const { state, pool } = breakablePool();
  fixture.startRelay();
  const consumer = fixture.startConsumer(testHandler(fixture.binding), { pool });
  await fixture.send({ value: 'early' });
  await expect.poll(() => fixture.readyCount(fixture.binding.queue), WAIT).toBe(1);
  await expect.poll(() => consumer.state, WAIT).toBe('paused');
  expect(deliveredCount()).toBe(0);
  state.isDown = false;
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['early']);
});
