import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { countKinds, makeTraffic, openFlow, toMessage } from './flow-fixture.ts';
import { goodPulses, sumsOfPulses, sumsOfRows } from './sums.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const PULSES = 100_000;

test('killing the worker three times during 100,000 pulses loses nothing and counts nothing twice', async () => {
  // Small batches, so that each kill hits several of them between two steps.
  const flow = await openFlow({ BATCH_SIZE: '500', PREFETCH: '2000' });
  const traffic = makeTraffic(PULSES, 'killed worker');
  const sent = countKinds(traffic);
  await flow.flush();
  await flow.producer.publish(traffic.map(toMessage));

  for (const left of [0.8, 0.5, 0.2]) {
    const worker = await flow.start('worker');
    await flow.producer.drainedBelow(PULSES * left);
    worker.signal('SIGKILL');
    expect((await worker.ended).exitCode).toBeNull();
  }
  expect((await flow.verify()).balanced).toBe(true);

  const worker = await flow.start('worker');
  // What was applied but not acknowledged comes again, and is recognised as a duplicate.
  await flow.settled({ counted: sent.good, duplicates: sent.duplicate, deadLetters: sent.bad });
  worker.signal('SIGTERM');
  expect(await worker.ended).toMatchObject({ exitCode: 0 });
  expect(await flow.producer.depth()).toBe(0);

  // Flushes are killed too, at moments that vary from run to run.
  for (const afterMs of [350, 500]) {
    const flush = flow.begin(['flush']);
    await Promise.race([flush.ended, delay(afterMs)]);
    flush.signal('SIGKILL');
    await flush.ended;
  }
  await flow.flush();
  const books = await flow.verify();
  expect(books).toMatchObject({
    counted: sent.good,
    flushed: sent.good,
    sealed: 0,
    live: 0,
    deadLetters: sent.bad,
    drift: 0,
    balanced: true,
  });
  const rows = await (await flow.openApi()).rows({ limit: '1000' });
  expect(sumsOfRows(rows)).toEqual(sumsOfPulses(goodPulses(traffic)));
});
