import { afterEach, describe, expect, test } from 'vitest';
import { DeliveryProperties } from '../../src/platform/delivery-properties.ts';
import { eventually } from '../support/eventually.ts';
import { sentPulse } from '../support/pulses.ts';
import { useIngestFixture, type Ingest } from './ingest-fixture.ts';
import { mixedTraffic } from './traffic.ts';

const fixture = useIngestFixture();
let ingest: Ingest | undefined;

afterEach(async () => {
  await ingest?.close();
  ingest = undefined;
});

const withIds = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => ({ body: sentPulse({ id: `p-${from + index}` }) }));

describe('ingest', () => {
  test('counts good pulses exactly and dead-letters bad ones, in any mix in a batch', async () => {
    const { messages, oracle, bad } = mixedTraffic(500);
    await fixture.publish(messages);
    ingest = await fixture.startIngest();
    await fixture.counted(oracle.counted);
    await ingest.close();
    expect(await fixture.books()).toEqual({
      counted: oracle.counted,
      duplicates: oracle.duplicates,
    });
    expect(await fixture.sums()).toEqual(oracle.sums);
    const letters = [...(await fixture.takeDeadLetters()).values()];
    expect(letters.map(({ content }) => content.toString()).sort()).toEqual(bad);
    expect(await fixture.readyCount()).toBe(0);
    const { counts, fatal } = ingest;
    expect(counts.received).toBe(counts.appended + bad.length);
    expect(counts.deliveries).toBe(messages.length);
    expect(fatal).toEqual([]);
    ingest = undefined;
  });

  test.each([true, false])(
    'counts the same with the delivery filter %s',
    async (deliveryFilter) => {
      const kinds = new Set<boolean>();
      ingest = await fixture.startIngest({
        deliveryFilter,
        deps: () => ({
          aroundBatch: (batch, settle) => {
            for (const { properties } of batch.deliveries.origins) {
              kinds.add(properties instanceof DeliveryProperties);
            }
            return settle();
          },
        }),
      });
      await eventually(() => ingest?.states).toContain('consuming');
      const { messages, oracle } = mixedTraffic(300);
      await fixture.publish(messages);
      await fixture.counted(oracle.counted);
      expect(await fixture.sums()).toEqual(oracle.sums);
      expect([...kinds]).toEqual([deliveryFilter]);
    },
  );

  test('reports what it holds and since when, and nothing after the acknowledgement', async () => {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    const sentSec = Math.floor(Date.now() / 1000) - 60;
    const { queue } = fixture.services;
    for (const timestamp of [sentSec + 10, sentSec, sentSec + 3_600]) {
      fixture.channel.publish(queue, queue, Buffer.from(JSON.stringify(sentPulse())), {
        timestamp,
      });
    }
    ingest = await fixture.startIngest({
      deps: ({ accumulator }) => ({
        accumulator: {
          append: async (...given) => {
            await released;
            await accumulator.append(...given);
          },
        },
      }),
    });
    const { consumer, counts } = ingest;
    await eventually(() => consumer.held.deliveries).toBe(3);
    expect(consumer.held.oldestSentAtMs).toBe(sentSec * 1000);
    expect(Date.now() - consumer.held.oldestReceivedAtMs!).toBeLessThan(60_000);
    release();
    await eventually(() => consumer.held).toEqual({
      deliveries: 0,
      refused: 0,
      oldestSentAtMs: null,
      oldestReceivedAtMs: null,
    });
    expect(counts.batchPulses.reduce((sum, pulses) => sum + pulses, 0)).toBe(3);
    expect(counts.ackLagSeconds).toHaveLength(counts.batches);
  });

  test('a dead letter has its reason, position and origin', async () => {
    await fixture.publish([
      { body: [sentPulse(), sentPulse({ used_amount: -1 })], messageId: 'm-1' },
    ]);
    ingest = await fixture.startIngest();
    await fixture.counted(1);
    const [letter] = [...(await fixture.takeDeadLetters()).values()];
    expect(letter?.properties).toMatchObject({
      messageId: 'm-1',
      deliveryMode: 2,
      headers: {
        'x-pulse-reason': 'amount_not_positive',
        'x-pulse-detail': expect.any(String) as string,
        'x-pulse-index': 1,
        'x-pulse-exchange': fixture.services.queue,
      },
    });
  });

  test('a message with hostile bytes and properties does not stop the thread', async () => {
    const deep = `{"tenant":${'['.repeat(50_000)}${']'.repeat(50_000)},"id":"x"}`;
    const zeros = JSON.stringify(sentPulse({ id: 'z', used_amount: `0.${'0'.repeat(500_000)}1` }));
    const bodies = [deep, zeros, '', '\ufffd', '[]', JSON.stringify(sentPulse())];
    await fixture.publishUndecodable(bodies);
    await fixture.publish(withIds(1));
    ingest = await fixture.startIngest();
    await fixture.counted(1);
    expect(ingest.fatal).toEqual([]);
    const letters = [...(await fixture.takeDeadLetters()).values()];
    expect(letters.map(({ content }) => content.toString()).sort()).toEqual(bodies.sort());
    expect(letters[0]?.properties.messageId).toBeUndefined();
  });
});

describe('closing while busy', () => {
  test('acknowledges what was applied and returns the rest: nothing is lost or counted twice', async () => {
    const count = 3_000;
    await fixture.publish(withIds(count));
    const own = await fixture.startIngest();
    ingest = own;
    await eventually(() => own.counts.appended).toBeGreaterThan(100);
    await ingest.close();
    const { counted, duplicates } = await fixture.books();
    expect(duplicates).toBe(0);
    expect(counted).toBeLessThan(count);
    await eventually(() => fixture.readyCount()).toBe(count - counted);
    ingest = await fixture.startIngest();
    await fixture.counted(count);
    expect(await fixture.books()).toEqual({ counted: count, duplicates: 0 });
  });

  test('without time to drain loses nothing, as in a crash', async () => {
    const count = 2_000;
    await fixture.publish(withIds(count));
    const own = await fixture.startIngest();
    ingest = own;
    await eventually(() => own.counts.appended).toBeGreaterThan(100);
    await ingest.close(0);
    ingest = await fixture.startIngest();
    await fixture.counted(count);
  });

  test('with nothing to do ends at once', async () => {
    ingest = await fixture.startIngest();
    await eventually(() => ingest?.states.at(-1)).toBe('consuming');
    const startedMs = performance.now();
    await ingest.close();
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    ingest = undefined;
  });

  test('two consumers share a queue and count nothing twice', async () => {
    const { messages, oracle } = mixedTraffic(1_000);
    ingest = await fixture.startIngest();
    const other = await fixture.startIngest();
    await fixture.publish(messages);
    await fixture.counted(oracle.counted);
    await other.close();
    await ingest.close();
    ingest = undefined;
    expect(await fixture.books()).toEqual({
      counted: oracle.counted,
      duplicates: oracle.duplicates,
    });
    expect(await fixture.sums()).toEqual(oracle.sums);
  });
});
