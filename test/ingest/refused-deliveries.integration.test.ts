import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startPrivateRabbit, type PrivateRabbit } from '../support/private-rabbit.ts';
import { sentPulse } from '../support/pulses.ts';
import { createIngestFixture, type Ingest, type IngestFixture } from './ingest-fixture.ts';

let rabbit: PrivateRabbit;
let fixture: IngestFixture;
let ingest: Ingest | undefined;

beforeAll(async () => {
  rabbit = await startPrivateRabbit();
  fixture = await createIngestFixture({ rabbitmqUrl: rabbit.url });
}, 60_000);
beforeEach(() => fixture.reset());
afterEach(async () => {
  await ingest?.close();
  ingest = undefined;
});
afterAll(async () => {
  await fixture.close();
  await rabbit.close();
});

/** One bad pulse in the middle of good ones. */
const oneBad = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    body: index === count / 2 ? 'bad' : sentPulse({ id: `p-${index}` }),
  }));

/** Checks the queue in RabbitMQ: nothing waits, and only `held` deliveries are unacknowledged. */
async function expectOnlyHeld(running: Ingest, held: number): Promise<void> {
  await eventually(() => running.consumer.held.refused).toBe(held);
  await eventually(() => running.consumer.held.deliveries).toBe(held);
  expect(await fixture.readyCount()).toBe(0);
}

describe('while dead letters cannot be published', () => {
  test('a memory alarm of RabbitMQ holds back only the bad pulse, and every good one is counted', async () => {
    await fixture.publish(oneBad(200));
    await rabbit.setMemoryAlarm(true);
    ingest = await fixture.startIngest();
    await fixture.counted(199);
    await expectOnlyHeld(ingest, 1);
    expect(await fixture.deadCount()).toBe(0);
    // Nothing was redelivered, so the delivery limit is untouched.
    expect(ingest.states).toEqual(['consuming']);
    expect((await fixture.books()).duplicates).toBe(0);

    await rabbit.setMemoryAlarm(false);
    await eventually(() => fixture.deadCount()).toBe(1);
    await eventually(() => ingest?.consumer.held.deliveries).toBe(0);
    expect(ingest.fatal).toEqual([]);
    const [letter] = [...(await fixture.takeDeadLetters()).values()];
    expect(letter?.properties.headers).toMatchObject({ 'x-pulse-reason': 'malformed_json' });
  }, 60_000);

  test('so does a deleted dead-letter queue, until it exists again', async () => {
    await fixture.deleteDeadQueue();
    await fixture.publish(oneBad(200));
    ingest = await fixture.startIngest();
    await fixture.counted(199);
    await expectOnlyHeld(ingest, 1);
    expect((await fixture.books()).duplicates).toBe(0);
    await fixture.declare();
    await eventually(() => fixture.deadCount()).toBe(1);
    await eventually(() => ingest?.consumer.held.deliveries).toBe(0);
  }, 60_000);

  test('what is held returns to the queue when the worker stops, and the good pulses do not', async () => {
    await fixture.deleteDeadQueue();
    await fixture.publish(oneBad(200));
    ingest = await fixture.startIngest();
    await fixture.counted(199);
    await ingest.close();
    ingest = undefined;
    await eventually(() => fixture.readyCount()).toBe(1);
    await fixture.declare();
  }, 60_000);

  test('too many bad pulses stop the consumer, which says so and continues afterwards', async () => {
    await fixture.deleteDeadQueue();
    // It may hold half of its prefetch of 40.
    const bad = Array.from({ length: 100 }, (_, index) => ({
      body: 'bad',
      messageId: `b-${index}`,
    }));
    await fixture.publish(bad);
    ingest = await fixture.startIngest({ batchSize: 10 });
    await eventually(() => ingest?.states.at(-1)).toBe('full');
    await eventually(() => ingest?.consumer.held.deliveries).toBe(ingest.consumer.held.refused);
    expect(ingest.consumer.held.refused).toBeGreaterThanOrEqual(20);
    expect(ingest.consumer.held.refused).toBeLessThanOrEqual(40);
    // It takes no more, although more is waiting.
    expect(await fixture.readyCount()).toBe(100 - ingest.consumer.held.refused);
    await fixture.declare();
    await eventually(() => fixture.deadCount()).toBe(100);
    expect(ingest.states.at(-1)).toBe('consuming');
    expect(await fixture.takeDeadLetters()).toHaveProperty('size', 100);
    await fixture.publish([{ body: sentPulse() }]);
    await fixture.counted(1);
  }, 60_000);
});
