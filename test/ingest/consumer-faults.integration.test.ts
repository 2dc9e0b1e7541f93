import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FatalError, TransientError } from '../../src/core/errors.ts';
import type { ConsumerDeps } from '../../src/ingest/consumer.ts';
import { INGEST_STEPS } from '../../src/ingest/ingest-steps.ts';
import { eventually } from '../support/eventually.ts';
import { startPrivateRedis, type PrivateRedis } from '../support/private-redis.ts';
import { sentPulse } from '../support/pulses.ts';
import { createIngestFixture, type Ingest, type IngestFixture } from './ingest-fixture.ts';
import { mixedTraffic, type Traffic } from './traffic.ts';

let server: PrivateRedis;
let fixture: IngestFixture;
const running: Ingest[] = [];

beforeAll(async () => {
  server = await startPrivateRedis();
  fixture = await createIngestFixture({ redisUrl: server.url });
});
beforeEach(() => fixture.reset());
afterEach(async () => {
  await Promise.all(running.splice(0).map((ingest) => ingest.close(0)));
});
afterAll(async () => {
  await fixture.close();
  await server.close();
});

async function startIngest(...given: Parameters<IngestFixture['startIngest']>): Promise<Ingest> {
  const ingest = await fixture.startIngest(...given);
  running.push(ingest);
  return ingest;
}

const withIds = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ body: sentPulse({ id: `p-${index}` }) }));

/** Counts the probes that Redis failed. */
const countingProbes =
  (probes: { failed: number }) =>
  ({ probe }: ConsumerDeps): Partial<ConsumerDeps> => ({
    async probe() {
      await probe().catch((error: unknown) => {
        probes.failed += 1;
        throw error;
      });
    },
  });

/** Lets two consumers finish without faults, then compares everything with what was sent. */
async function expectExactlyOnce({ oracle, bad }: Traffic): Promise<void> {
  await Promise.all(running.splice(0).map((ingest) => ingest.close(10_000)));
  for (let round = 0; round < 5; round++) {
    const ingest = await fixture.startIngest();
    await eventually(() => ingest.states.at(-1)).toBe('consuming');
    await eventually(() => fixture.readyCount()).toBe(0);
    await ingest.close();
    // By now, unsettled deliveries are back in the queue.
    if ((await fixture.readyCount()) === 0) break;
  }
  expect(await fixture.readyCount()).toBe(0);
  expect((await fixture.books()).counted).toBe(oracle.counted);
  expect(await fixture.sums()).toEqual(oracle.sums);
  const letters = [...(await fixture.takeDeadLetters()).values()];
  expect(letters.map(({ content }) => content.toString()).sort()).toEqual(bad);
}

describe('killed', () => {
  test.each(INGEST_STEPS.flatMap((step) => [1, 4].map((time) => [step, time] as const)))(
    'right after step "%s", at time %i: every pulse is still counted exactly once',
    async (fatalStep, time) => {
      const traffic = mixedTraffic(200);
      await fixture.publish(traffic.messages);
      let left = time;
      const dying = await startIngest({
        deps: () => ({
          onStep(step) {
            if (step !== fatalStep || --left !== 0) return;
            dying.kill();
            throw new Error('killed');
          },
        }),
      });
      await eventually(() => left).toBeLessThanOrEqual(0);
      await expectExactlyOnce(traffic);
    },
  );

  test('at random moments, repeatedly', async () => {
    const traffic = mixedTraffic(1_500);
    await fixture.publish(traffic.messages);
    for (let round = 0; round < 8; round++) {
      let left = 3 + ((round * 7) % 11);
      const dying = await startIngest({
        deps: () => ({
          onStep() {
            if (--left === 0) dying.kill();
          },
        }),
      });
      await eventually(() => left).toBeLessThanOrEqual(0);
    }
    await expectExactlyOnce(traffic);
  });
});

describe('RabbitMQ', () => {
  test('is lost midway and comes back: the same consumer continues, and nothing is counted twice', async () => {
    const traffic = mixedTraffic(1_000);
    await fixture.publish(traffic.messages);
    let cuts = 0;
    const ingest = await startIngest({
      deps: () => ({
        onStep(step) {
          if (step !== 'applied' || ++cuts % 9 !== 0 || cuts > 30) return;
          ingest.rabbitProxy.cut();
          ingest.rabbitProxy.heal();
        },
      }),
    });
    await fixture.counted(traffic.oracle.counted);
    expect(cuts).toBeGreaterThan(9);
    expect(ingest.fatal).toEqual([]);
    expect(ingest.states).toContain('waiting');
    await expectExactlyOnce(traffic);
  });

  test('a batch of an old connection is never acknowledged on the new one', async () => {
    await fixture.publish(withIds(60));
    let open: () => void = () => undefined;
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    let calls = 0;
    const ingest = await startIngest({
      deps: ({ accumulator }) => ({
        accumulator: {
          async append(...given) {
            await accumulator.append(...given);
            if (++calls <= 2) await gate;
          },
        },
      }),
    });
    await eventually(() => calls).toBe(2);
    ingest.rabbitProxy.cut();
    ingest.rabbitProxy.heal();
    await eventually(() => ingest.states.at(-1)).toBe('consuming');
    open();
    await fixture.counted(60);
    await eventually(async () => (await fixture.books()).duplicates).toBeGreaterThan(0);
    expect(ingest.fatal).toEqual([]);
    await ingest.consumer.drain(10_000);
    expect(await fixture.readyCount()).toBe(0);
    // A tag of the old connection would have closed the new channel, and caused another reconnect.
    expect(ingest.states.filter((state) => state === 'consuming')).toHaveLength(2);
  });

  test('the consumer waits for a deleted queue, and continues when it is declared again', async () => {
    const ingest = await startIngest();
    await eventually(() => ingest.states.at(-1)).toBe('consuming');
    await fixture.deleteQueue();
    await eventually(() => ingest.states.at(-1)).toBe('waiting');
    await fixture.declare();
    await fixture.publish(withIds(5));
    await fixture.counted(5);
    expect(ingest.fatal).toEqual([]);
  });
});

describe('Redis', () => {
  test('is killed midway and comes back: the same consumer continues, and every sum is exact', async () => {
    const traffic = mixedTraffic(1_500);
    await fixture.publish(traffic.messages);
    const probes = { failed: 0 };
    const ingest = await startIngest({ retryForMs: 300, deps: countingProbes(probes) });
    await eventually(() => ingest.counts.appended).toBeGreaterThan(50);
    await server.kill();
    await eventually(() => probes.failed).toBeGreaterThan(2);
    // Nothing is held while Redis is unavailable: everything is back in the queue.
    expect(ingest.states.at(-1)).toBe('waiting');
    expect(await fixture.consumerCount()).toBe(0);
    expect(await fixture.readyCount()).toBeGreaterThan(1_000);
    expect(ingest.fatal).toEqual([]);
    await server.start();
    await fixture.counted(traffic.oracle.counted);
    await expectExactlyOnce(traffic);
  }, 90_000);

  test('is unavailable at the start: nothing is consumed until it is available', async () => {
    await fixture.publish(withIds(10));
    await server.kill();
    const probes = { failed: 0 };
    const ingest = await startIngest({ deps: countingProbes(probes) });
    await eventually(() => probes.failed).toBeGreaterThan(2);
    expect(ingest.states).not.toContain('consuming');
    expect(await fixture.consumerCount()).toBe(0);
    await server.start();
    await fixture.counted(10);
  });

  test('loses its reply after an append: duplicates are refused, and sums are not doubled', async () => {
    const traffic = mixedTraffic(200);
    await fixture.publish(traffic.messages);
    let lost = 0;
    await startIngest({
      deps: ({ accumulator }) => ({
        accumulator: {
          async append(...given) {
            await accumulator.append(...given);
            if (++lost % 3 === 0) throw new TransientError('PULSE_REDIS_APPLY', 'answer lost');
          },
        },
      }),
    });
    await fixture.counted(traffic.oracle.counted);
    expect(lost).toBeGreaterThan(3);
    await expectExactlyOnce(traffic);
  });

  test('contains a key that is not from Pulse: the process stops and acknowledges nothing', async () => {
    await fixture.publish(withIds(10));
    const failure = new FatalError('PULSE_REDIS_LIBRARY', 'not ours');
    const ingest = await startIngest({
      deps: (): Partial<ConsumerDeps> => ({
        accumulator: { append: () => Promise.reject(failure) },
      }),
    });
    await eventually(() => ingest.fatal).toContain(failure);
    await ingest.close(0);
    running.length = 0;
    await eventually(() => fixture.readyCount()).toBe(10);
  });
});
