import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useIngestFixture, type Ingest } from './ingest-fixture.ts';

const fixture = useIngestFixture();
let ingest: Ingest | undefined;

afterEach(async () => {
  await ingest?.close();
  ingest = undefined;
});

function withIds(count: number) {
  const pulse = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: 1 };
  return Array.from({ length: count }, (_, index) => ({
    body: pulse,
    messageId: `pulse ${index}`,
  }));
}

const stateIs = (state: string) => eventually(() => ingest?.states.at(-1)).toBe(state);

describe('a paused consumer', () => {
  test('acknowledges what it has counted and returns the rest, so that each pulse is counted once', async () => {
    const count = 3_000;
    await fixture.publish(withIds(count));
    ingest = await fixture.startIngest({ channelMax: 2 });
    for (let threshold = 0; threshold < 2_500; threshold += 100) {
      await stateIs('consuming');
      await eventually(async () => (await fixture.books()).counted).toBeGreaterThan(threshold);
      ingest.consumer.pause();
      await stateIs('paused');
      const { counted } = await fixture.books();
      await eventually(() => fixture.readyCount()).toBe(count - counted);
      await eventually(() => fixture.consumerCount()).toBe(0);
      ingest.consumer.resume();
    }
    await fixture.counted(count);
    ingest.consumer.pause();
    await stateIs('paused');
    expect(await fixture.readyCount()).toBe(0);
    // A pause keeps the connection and closes its channel. Only if the broker delivers after it has confirmed the
    // cancel, which is rare, amqplib closes the connection.
    expect(ingest.states.filter((state) => state === 'waiting').length).toBeLessThan(4);
  });

  test('stays paused across a lost connection, and while Redis is unavailable', async () => {
    ingest = await fixture.startIngest();
    await stateIs('consuming');
    ingest.consumer.pause();
    await stateIs('paused');
    ingest.rabbitProxy.cut();
    await stateIs('waiting');
    ingest.rabbitProxy.heal();
    await stateIs('paused');
    await fixture.publish(withIds(50));
    expect(await fixture.readyCount()).toBe(50);

    ingest.redisProxy.cut();
    const statesBefore = ingest.states.length;
    ingest.consumer.resume();
    ingest.consumer.pause();
    await eventually(() => ingest?.states.slice(statesBefore)).toContain('paused');
    ingest.consumer.resume();
    ingest.redisProxy.heal();
    await fixture.counted(50);
  });

  test('consumes after a simultaneous pause and resume', async () => {
    ingest = await fixture.startIngest();
    await stateIs('consuming');
    for (let round = 0; round < 20; round++) {
      ingest.consumer.pause();
      ingest.consumer.resume();
    }
    await fixture.publish(withIds(200));
    await fixture.counted(200);
    expect(ingest.fatal).toEqual([]);
  });

  test('ends at once when it is drained', async () => {
    ingest = await fixture.startIngest();
    await stateIs('consuming');
    ingest.consumer.pause();
    await stateIs('paused');
    await ingest.close();
    ingest = undefined;
    expect(await fixture.consumerCount()).toBe(0);
  });
});
