import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TransientError, UndeliverableError } from '../../src/core/errors.ts';
import { readOutboxDepth } from '../../src/messaging/relay-query.ts';
import { withClient } from '../support/servers.ts';
import { useMessagingFixture, testHandler } from './messaging-fixture.ts';

const fixture = useMessagingFixture();

const WAIT = { timeout: 20_000, interval: 50 };

describe('the outbox', () => {
  test('publishes what a transaction has committed, once', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    await fixture.send({ value: 'kept' });
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['kept']);
    await expect.poll(() => fixture.jobCount(), WAIT).toBe(0);
    expect(fixture.outcomes).toEqual(['done']);
  });

  test('publishes nothing of a transaction that was rolled back', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    const failing = fixture.send(
      { value: 'gone' },
      { also: () => Promise.reject(new Error('The state cannot change.')) },
    );
    await expect(failing).rejects.toThrow('The state cannot change.');
    await fixture.send({ value: 'kept' });
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['kept']);
  });

  test('keeps a message while RabbitMQ is unavailable', async () => {
    let isDown = true;
    fixture.startRelay((publication) =>
      isDown
        ? Promise.reject(new TransientError('PULSE_RABBIT_UNREACHABLE', 'RabbitMQ is down.'))
        : fixture.publish(publication),
    );
    fixture.startConsumer();
    await fixture.send({ value: 'kept' });
    await expect.poll(() => fixture.steps.includes('relayed'), WAIT).toBe(true);
    expect(await fixture.jobCount()).toBe(1);
    isDown = false;
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['kept']);
  });

  test('counts a message that RabbitMQ refuses as waiting, however long its retry is delayed', async () => {
    let isRefused = true;
    fixture.startRelay((publication) =>
      isRefused
        ? Promise.reject(new UndeliverableError('PULSE_PUBLISH_UNROUTABLE', 'No queue takes it.'))
        : fixture.publish(publication),
    );
    fixture.startConsumer();
    await fixture.send({ value: 'refused' });
    await expect
      .poll(async () => {
        const { rowCount } = await fixture.pool.query(
          `UPDATE graphile_worker._private_jobs SET run_at = now() + interval '1 hour'
           WHERE last_error IS NOT NULL AND locked_at IS NULL`,
        );
        return rowCount;
      }, WAIT)
      .toBe(1);
    const depth = await readOutboxDepth(fixture.pool);
    expect(depth).toMatchObject({ dueCount: 1, delayedCount: 0 });
    expect(depth.oldestSeconds).toBeGreaterThan(0);

    isRefused = false;
    await fixture.hurry();
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['refused']);
    await expect
      .poll(() => readOutboxDepth(fixture.pool), WAIT)
      .toMatchObject({ dueCount: 0, oldestSeconds: 0 });
  });

  test('is taken over from a relay that died with jobs locked', async () => {
    await fixture.send({ value: 'locked' });
    await fixture.pool.query(
      "UPDATE graphile_worker._private_jobs SET locked_by = 'pool-dead', locked_at = now() - interval '1 minute'",
    );
    fixture.startRelay();
    fixture.startConsumer();
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['locked']);
  });
});

describe('a live relay', () => {
  /** Waits until it has reported again. */
  const liveRelay = async (): Promise<string> => {
    const clock = await fixture.pool.query<{ now: string }>(
      'SELECT clock_timestamp()::text AS now',
    );
    const read = () =>
      fixture.pool.query<{ id: string }>(
        'SELECT id FROM relays WHERE seen_at > $1 ORDER BY seen_at',
        [clock.rows[0]!.now],
      );
    // Each lane reports for itself, the one of small messages first.
    await expect.poll(async () => (await read()).rowCount, WAIT).toBe(2);
    return (await read()).rows[0]!.id;
  };

  test('publishes jobs that Postgres gave it in an answer that was lost', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    const relayId = await liveRelay();
    await fixture.send(
      { value: 'lost on the way' },
      {
        also: (client) =>
          client
            .query(
              "UPDATE graphile_worker._private_jobs SET locked_by = $1, locked_at = now() - interval '1 minute'",
              [relayId],
            )
            .then(),
      },
    );
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['lost on the way']);
  });

  test('keeps what it is still publishing, however long that takes', async () => {
    let finish = (): void => undefined;
    const isFinished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    fixture.startRelay(async (publication) => {
      await isFinished;
      await fixture.publish(publication);
    });
    fixture.startConsumer();
    await fixture.send({ value: 'slow' });
    await expect.poll(() => fixture.steps.includes('relayed'), WAIT).toBe(true);
    await fixture.pool.query(
      "UPDATE graphile_worker._private_jobs SET locked_at = now() - interval '1 minute'",
    );
    // Two reports, between which it has looked for jobs to unlock.
    await liveRelay();
    await liveRelay();
    finish();
    await expect.poll(() => fixture.effects(), WAIT).toEqual(['slow']);
    expect(fixture.steps.filter((step) => step === 'relayed')).toHaveLength(1);
  });
});

describe('the inbox', () => {
  test('applies a message that comes twice only once', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    const id = randomUUID();
    await fixture.send({ value: 'once' }, { id });
    await fixture.send({ value: 'once' }, { id });
    await expect.poll(() => fixture.outcomes, WAIT).toHaveLength(2);
    expect([...fixture.outcomes].sort()).toEqual(['done', 'duplicate']);
    expect(await fixture.effects()).toEqual(['once']);
  });

  test('applies it only once when two processes handle it at the same time', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    fixture.startConsumer();
    const ids = Array.from({ length: 20 }, () => randomUUID());
    for (const id of [...ids, ...ids]) await fixture.send({ value: id }, { id });
    await expect.poll(() => fixture.outcomes, WAIT).toHaveLength(40);
    expect(await fixture.effects()).toEqual([...ids].sort());
  });
});

describe('a message that fails', () => {
  test('is retried later, and its failed attempts leave nothing behind', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    await fixture.send({ value: 'third time', failing: 2 });
    await expect.poll(() => fixture.outcomes, WAIT).toEqual(['retried']);
    await fixture.hurry();
    await expect.poll(() => fixture.outcomes, WAIT).toEqual(['retried', 'retried']);
    await fixture.hurry();
    await expect.poll(() => fixture.outcomes, WAIT).toEqual(['retried', 'retried', 'done']);
    expect(await fixture.effects()).toEqual(['third time']);
  });

  test('becomes a dead letter after its last attempt, together with the changes that its domain makes', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    await fixture.send({ value: 'never', failing: 9 });
    for (const count of [1, 2]) {
      await expect.poll(() => fixture.outcomes, WAIT).toHaveLength(count);
      await fixture.hurry();
    }
    await expect.poll(() => fixture.outcomes, WAIT).toEqual(['retried', 'retried', 'exhausted']);
    expect(await fixture.effects()).toEqual([]);
    expect(await fixture.abandoned()).toEqual([{ value: 'never', code: 'attempts_exhausted' }]);
    await expect.poll(() => fixture.jobCount(), WAIT).toBe(0);
    const letter = await fixture.takeDeadLetter();
    expect(letter).toMatchObject({ properties: { correlationId: 'request-1' } });
    expect((letter as { properties: { headers: unknown } }).properties.headers).toMatchObject({
      'x-pulse-reason': 'attempts_exhausted',
      'x-pulse-queue': fixture.binding.queue,
    });
  });

  test('becomes a dead letter at once when it can never work', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    await fixture.send({ value: 'never', impossible: true });
    await expect.poll(() => fixture.outcomes, WAIT).toEqual(['impossible']);
    expect(await fixture.effects()).toEqual([]);
    expect(await fixture.abandoned()).toEqual([{ value: 'never', code: 'no_such_thing' }]);
  });

  test('becomes a dead letter when it is not JSON, and delays no other', async () => {
    fixture.startRelay();
    fixture.startConsumer();
    await fixture.publish({
      exchange: '',
      routingKey: fixture.binding.queue,
      body: Buffer.from([0xff]),
      messageId: randomUUID(),
    });
    await fixture.send({ value: 'good' });
    await expect.poll(() => [...fixture.outcomes].sort(), WAIT).toEqual(['done', 'impossible']);
    expect(await fixture.effects()).toEqual(['good']);
  });
});

test('while Postgres is unavailable a message is held, not returned, and handled afterwards', async () => {
  const handler = testHandler(fixture.binding);
  let isDown = true;
  fixture.startRelay();
  const consumer = fixture.startConsumer({
    ...handler,
    prepare: () =>
      isDown
        ? Promise.reject(new TransientError('PULSE_POSTGRES_UNREACHABLE', 'Postgres is down.'))
        : Promise.resolve(),
  });
  await fixture.send({ value: 'held' });
  await expect.poll(() => consumer.state, WAIT).toBe('paused');
  isDown = false;
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['held']);
  expect(fixture.steps.filter((step) => step === 'delivered')).toHaveLength(1);
});

test('a relay continues after Postgres has ended all its connections', async () => {
  fixture.startRelay();
  fixture.startConsumer();
  await fixture.send({ value: 'before' });
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['before']);
  await withClient(fixture.databaseUrl, (client) =>
    client.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = current_database()',
    ),
  );
  await expect
    .poll(async () => {
      await fixture.send({ value: 'after' }).catch(() => undefined);
      return (await fixture.effects().catch(() => [] as string[])).includes('after');
    }, WAIT)
    .toBe(true);
});

test('large messages are handled one at a time, and delay no small one', async () => {
  let inProgress = 0;
  let mostInProgress = 0;
  let letGo = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  fixture.startRelay();
  fixture.startConsumer({
    ...testHandler(fixture.binding),
    async prepare(body) {
      if ((body as { value: string }).value === 'small') return;
      inProgress += 1;
      mostInProgress = Math.max(mostInProgress, inProgress);
      await gate;
      inProgress -= 1;
    },
  });
  const large = 'x'.repeat(300_000);
  for (const value of [large, large, large, 'small']) await fixture.send({ value });
  await expect.poll(() => fixture.effects(), WAIT).toEqual(['small']);
  letGo();
  await expect.poll(async () => (await fixture.effects()).length, WAIT).toBe(4);
  expect(mostInProgress).toBe(1);
});
