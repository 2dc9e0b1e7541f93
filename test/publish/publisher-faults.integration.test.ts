import { describe, expect, test, vi } from 'vitest';
import { declareTopology } from '../../src/platform/topology.ts';
import { BLOCKED_FRAME, UNBLOCKED_FRAME } from '../support/amqp-codec.ts';
import { eventually } from '../support/eventually.ts';
import { outcomeOf, usePublisherFixture } from './publisher-fixture.ts';

const { fixture, create, createFullQueue, pulse, takeAll } = usePublisherFixture();

describe('when the broker is lost', () => {
  test('confirms or rejects every publication, and what was confirmed is in the queue', async () => {
    const publisher = create({ maxOutstanding: 200, waitTimeoutMs: 1_000 });
    await publisher.ready;
    const outcomes = Array.from({ length: 5_000 }, (_, index) =>
      outcomeOf(publisher.publish(pulse('{}', `m${index}`))),
    );
    await outcomes[300];
    fixture.proxy.cut();
    const settled = await Promise.all(outcomes);
    const confirmed = settled.flatMap((outcome, index) =>
      outcome === 'confirmed' ? [`m${index}`] : [],
    );
    expect(confirmed.length).toBeGreaterThan(300);
    expect(new Set(settled)).toEqual(
      new Set(['confirmed', 'PULSE_PUBLISH_UNCONFIRMED', 'PULSE_RABBIT_UNREACHABLE']),
    );
    const ids = new Set((await takeAll()).map(({ id }) => id));
    expect(confirmed.filter((id) => !ids.has(id))).toEqual([]);
  });

  test('keeps waiting publications and sends them when the broker is back', async () => {
    fixture.proxy.cut();
    const publisher = create();
    const publishing = publisher.publish(pulse('{}', 'm1'));
    await eventually(() => publisher.state).toBe('connecting');
    fixture.proxy.heal();
    await publishing;
    expect(await takeAll()).toHaveLength(1);
  });

  test('closes the connection if a confirm never comes', async () => {
    const publisher = create({ confirmTimeoutMs: 1_000 });
    await publisher.ready;
    fixture.proxy.stallOpen();
    expect(await outcomeOf(publisher.publish(pulse('{}', 'm1')))).toBe('PULSE_PUBLISH_UNCONFIRMED');
    await publisher.publish(pulse('{}', 'm2'));
    expect(publisher.state).toBe('open');
  });

  test('replaces a channel that refuses everything, but not again and again', async () => {
    const queue = await createFullQueue();
    const prepare = vi.fn(() => Promise.resolve());
    const publisher = create({ prepare });
    const full = { ...pulse('{}'), exchange: '', routingKey: queue };
    const startedMs = performance.now();
    await eventually(async () => {
      await outcomeOf(publisher.publish(full));
      return prepare;
    }).toHaveBeenCalledTimes(2);
    const firstMs = performance.now() - startedMs;
    await eventually(async () => {
      await outcomeOf(publisher.publish(full));
      return prepare;
    }).toHaveBeenCalledTimes(3);
    expect(performance.now() - startedMs - firstMs).toBeGreaterThan(3_500);
    await fixture.channel.deleteQueue(queue);
  });

  test('keeps a channel that refuses what is for a full queue, and has confirmed something', async () => {
    const queue = await createFullQueue();
    const prepare = vi.fn(() => Promise.resolve());
    const publisher = create({ prepare });
    await publisher.publish(pulse('{}'));
    const untilMs = performance.now() + 3_000;
    while (performance.now() < untilMs) {
      const full = { ...pulse('{}'), exchange: '', routingKey: queue };
      expect(await outcomeOf(publisher.publish(full))).toBe('PULSE_PUBLISH_REFUSED');
    }
    expect(prepare).toHaveBeenCalledTimes(1);
    await fixture.channel.deleteQueue(queue);
  });

  test('fails permanently if the topology has other arguments', async () => {
    const onFatal = vi.fn();
    const queue = `${fixture.services.queue}.classic`;
    await fixture.channel.assertQueue(queue, { durable: true });
    const publisher = create({ prepare: (link) => declareTopology(link, queue), onFatal });
    await expect(publisher.publish(pulse('{}'))).rejects.toMatchObject({
      code: 'PULSE_RABBIT_TOPOLOGY',
    });
    expect(onFatal).toHaveBeenCalledTimes(1);
    await fixture.channel.deleteQueue(queue);
    await Promise.all([queue, `${queue}.dead`].map((name) => fixture.channel.deleteExchange(name)));
    await fixture.channel.deleteQueue(`${queue}.dead`);
  });
});

describe('when the broker has stopped reading', () => {
  test('keeps publications waiting, and sends them when the broker resumes', async () => {
    const publisher = create();
    await publisher.ready;
    fixture.proxy.inject(BLOCKED_FRAME);
    await eventually(() => publisher.state).toBe('blocked');
    const publishing = publisher.publish(pulse('{}', 'm1'));
    expect(publisher.outstandingCount).toBe(0);
    fixture.proxy.inject(UNBLOCKED_FRAME);
    await publishing;
    expect(await takeAll()).toHaveLength(1);
  });

  test('rejects waiting and new publications after a time', async () => {
    const publisher = create({ blockedTimeoutMs: 200 });
    await publisher.ready;
    fixture.proxy.inject(BLOCKED_FRAME);
    await eventually(() => publisher.state).toBe('blocked');
    expect(await outcomeOf(publisher.publish(pulse('{}', 'm1')))).toBe('PULSE_RABBIT_BLOCKED');
    const waiting = new Promise((resolve) => setImmediate(resolve, 'waiting'));
    const outcome = outcomeOf(publisher.publish(pulse('{}', 'm2')));
    expect(await Promise.race([outcome, waiting])).toBe('PULSE_RABBIT_BLOCKED');
  });
});
