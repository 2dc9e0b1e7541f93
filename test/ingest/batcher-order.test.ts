import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createBatcher } from '../../src/ingest/batcher.ts';
import { NumberBatch } from './number-batch.ts';

describe('for every order in which batches settle', () => {
  test('each is acknowledged once, in order, after it has settled, and none after a failure', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.record({
          deliveryCount: fc.integer({ min: 1, max: 30 }),
          size: fc.integer({ min: 1, max: 4 }),
          inFlightMax: fc.integer({ min: 1, max: 3 }),
          failing: fc.option(fc.nat(9), { nil: undefined }),
        }),
        async (scheduler, { deliveryCount, size, inFlightMax, failing }) => {
          const settled = new Set<NumberBatch>();
          const acknowledged: number[] = [];
          let started = 0;
          let inFlight = 0;
          const batcher = createBatcher<number, NumberBatch>(
            {
              openBatch: () => new NumberBatch(size),
              async settle(batch) {
                const index = started++;
                inFlight++;
                expect(inFlight).toBeLessThanOrEqual(inFlightMax);
                await scheduler.schedule(Promise.resolve());
                inFlight--;
                if (index === failing) throw new Error('failed');
                settled.add(batch);
              },
              acknowledge(batch) {
                expect(settled.has(batch)).toBe(true);
                acknowledged.push(...batch.deliveries);
              },
              onFailure: () => undefined,
              now: () => 0,
            },
            { lingerMs: 20, inFlightMax },
          );
          for (let delivery = 0; delivery < deliveryCount; delivery++) batcher.add(delivery);
          const drained = batcher.drain().then(
            () => true,
            () => false,
          );
          await scheduler.waitFor(drained);

          const failed = failing !== undefined && failing * size < deliveryCount;
          expect(await drained).toBe(!failed);
          const inOrder = Array.from({ length: deliveryCount }, (_, delivery) => delivery);
          expect(acknowledged).toEqual(inOrder.slice(0, acknowledged.length));
          if (!failed) expect(acknowledged).toHaveLength(deliveryCount);
          else expect(acknowledged.length).toBeLessThanOrEqual(failing * size);
        },
      ),
      { numRuns: 300 },
    );
  });
});
