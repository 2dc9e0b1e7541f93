import type { ChannelModel } from 'amqplib';
import { describe, expect, test, vi } from 'vitest';
import { declareTopology, readQueueDepth } from '../../src/platform/topology.ts';
import { outcomeOf, usePublisherFixture } from './publisher-fixture.ts';
import { eventually } from '../support/eventually.ts';

const { fixture, create, createFullQueue, pulse, takeAll } = usePublisherFixture();

describe('publish', () => {
  test('resolves when the broker has stored the pulse with all its properties', async () => {
    const publisher = create();
    await publisher.publish({
      ...pulse('{"a":1}', 'm1'),
      timestampSec: 1_700_000_000,
      headers: { 'x-test': 'é' },
      contentType: 'application/json',
    });
    const delivery = await fixture.channel.get(fixture.services.queue, { noAck: true });
    if (delivery === false) throw new Error('Nothing was published.');
    expect(delivery.properties).toMatchObject({
      messageId: 'm1',
      timestamp: 1_700_000_000,
      headers: { 'x-test': 'é' },
      contentType: 'application/json',
      deliveryMode: 2,
    });
  });

  test('never has more unconfirmed publications than allowed, and loses none', async () => {
    const publisher = create({ maxOutstanding: 10 });
    let most = 0;
    await Promise.all(
      Array.from({ length: 500 }, async (_, index) => {
        const publishing = publisher.publish(pulse('{}', `m${index}`));
        most = Math.max(most, publisher.outstandingCount);
        await publishing;
        most = Math.max(most, publisher.outstandingCount);
      }),
    );
    expect(most).toBe(10);
    expect(new Set((await takeAll()).map(({ id }) => id)).size).toBe(500);
  });

  test('sends large bodies one at a time, whatever their size', async () => {
    const publisher = create({ maxOutstandingBytes: 1_000_000 });
    const body = Buffer.alloc(3_000_000, 'x');
    const publishing = [1, 2, 3].map(() => publisher.publish({ ...pulse(''), body }));
    await publisher.ready;
    await eventually(() => publisher.outstandingCount).toBe(1);
    await Promise.all(publishing);
    expect((await takeAll()).map(({ body: { length } }) => length)).toEqual([3e6, 3e6, 3e6]);
  });

  test('refuses at once when too many are waiting', async () => {
    const publisher = create({ maxOutstanding: 1, maxWaiting: 1 });
    const outcomes = [1, 2, 3].map((id) => outcomeOf(publisher.publish(pulse('{}', String(id)))));
    // Before the connection is open all publications must wait, and only one may.
    expect(await Promise.all(outcomes)).toEqual([
      'confirmed',
      'PULSE_PUBLISH_BUSY',
      'PULSE_PUBLISH_BUSY',
    ]);
  });

  test('rejects exactly what no queue is bound to, with and without ids', async () => {
    const publisher = create();
    const lost = { routingKey: 'nowhere' };
    const outcomes = await Promise.all([
      outcomeOf(publisher.publish(pulse('a', 'm1'))),
      outcomeOf(publisher.publish({ ...pulse('b', 'm2'), ...lost })),
      outcomeOf(publisher.publish(pulse('b', 'm2'))),
      outcomeOf(publisher.publish({ ...pulse('c'), ...lost })),
      outcomeOf(publisher.publish(pulse('c'))),
    ]);
    expect(outcomes).toEqual([
      'confirmed',
      'PULSE_PUBLISH_UNROUTABLE',
      'confirmed',
      'PULSE_PUBLISH_UNROUTABLE',
      'confirmed',
    ]);
    expect(await takeAll()).toHaveLength(3);
  });

  test('rejects what the broker refuses because the queue is full', async () => {
    const full = await createFullQueue();
    const publisher = create();
    const outcomes = await Promise.all([
      outcomeOf(publisher.publish(pulse('a'))),
      outcomeOf(publisher.publish({ ...pulse('b'), exchange: '', routingKey: full })),
      outcomeOf(publisher.publish(pulse('c'))),
    ]);
    expect(outcomes).toEqual(['confirmed', 'PULSE_PUBLISH_REFUSED', 'confirmed']);
    await fixture.channel.deleteQueue(full);
  });

  test('rejects what cannot be encoded, and continues', async () => {
    const publisher = create();
    await publisher.ready;
    const headers = { big: 'x'.repeat(70_000) };
    const outcomes = await Promise.all([
      outcomeOf(publisher.publish(pulse('a', 'm1'))),
      outcomeOf(publisher.publish({ ...pulse('b', 'm2'), headers })),
      outcomeOf(publisher.publish(pulse('c', 'm3'))),
    ]);
    expect(outcomes).toEqual(['confirmed', 'PULSE_PUBLISH_INVALID', 'confirmed']);
  });

  test('says that an exchange does not exist, without another connection, until it does', async () => {
    const prepare = vi.fn(() => Promise.resolve());
    const publisher = create({ prepare });
    const exchange = `${fixture.services.queue}.missing`;
    const missing = { ...pulse('a'), exchange };
    for (let index = 0; index < 3; index++) {
      expect(await outcomeOf(publisher.publish(missing))).toBe('PULSE_PUBLISH_NO_EXCHANGE');
      expect(await outcomeOf(publisher.publish(pulse('b')))).toBe('confirmed');
    }
    expect(prepare).toHaveBeenCalledTimes(2);

    await fixture.channel.assertExchange(exchange, 'fanout');
    await fixture.channel.bindQueue(fixture.services.queue, exchange, '');
    await eventually(() => outcomeOf(publisher.publish(missing))).toBe('confirmed');
    await fixture.channel.deleteExchange(exchange);
  });

  test('finds out which of several exchanges does not exist', async () => {
    const publisher = create();
    const missing = { ...pulse('a'), exchange: `${fixture.services.queue}.missing` };
    await publisher.ready;
    const outcomes = () =>
      Promise.all([
        outcomeOf(publisher.publish(missing)),
        outcomeOf(publisher.publish(pulse('b'))),
        outcomeOf(publisher.publish({ ...missing, routingKey: 'other' })),
      ]);
    // The others were sent behind it, so they were lost.
    expect(new Set(await outcomes())).toEqual(new Set(['PULSE_PUBLISH_UNCONFIRMED']));
    expect(await outcomes()).toEqual([
      'PULSE_PUBLISH_NO_EXCHANGE',
      'confirmed',
      'PULSE_PUBLISH_NO_EXCHANGE',
    ]);
  });

  test('prepares every new connection before it publishes', async () => {
    const prepare = vi.fn(async (link: ChannelModel) =>
      declareTopology(link, fixture.services.queue),
    );
    const publisher = create({ prepare });
    await publisher.publish(pulse('a'));
    fixture.proxy.cut();
    await eventually(() => publisher.state).toBe('connecting');
    fixture.proxy.heal();
    await publisher.publish(pulse('b'));
    expect(prepare).toHaveBeenCalledTimes(2);
  });
});

describe('close', () => {
  test('waits for accepted publications and refuses new ones', async () => {
    const publisher = create({ maxOutstanding: 5 });
    const accepted = Array.from({ length: 100 }, (_, index) =>
      outcomeOf(publisher.publish(pulse('{}', `m${index}`))),
    );
    const closing = publisher.close();
    expect(await outcomeOf(publisher.publish(pulse('{}', 'late')))).toBe(
      'PULSE_PUBLISH_UNCONFIRMED',
    );
    await closing;
    expect(new Set(await Promise.all(accepted))).toEqual(new Set(['confirmed']));
    expect(publisher.state).toBe('closed');
    await eventually(() =>
      readQueueDepth(fixture.connection, fixture.services.queue),
    ).toMatchObject({
      readyCount: 100,
    });
  });

  test('rejects what is left when its time is over', async () => {
    fixture.proxy.cut();
    const publisher = create();
    const waiting = outcomeOf(publisher.publish(pulse('{}')));
    await publisher.close(50);
    expect(await waiting).toBe('PULSE_PUBLISH_UNCONFIRMED');
  });
});
