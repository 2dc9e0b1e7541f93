import { expect, test, vi } from 'vitest';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { countKinds, makeTraffic, openFlow, toMessage } from './flow-fixture.ts';
import { goodPulses, sumsOfPulses, sumsOfRows } from './sums.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

test('two workers and two flushes at the same time share the work and count everything once', async () => {
  const flow = await openFlow({ SHARDS: '3', BATCH_SIZE: '200' });
  const traffic = makeTraffic(20_000, 'side by side');
  const sent = countKinds(traffic);
  const messages = traffic.map(toMessage);
  await flow.flush();
  await flow.producer.publish(messages.slice(0, 10_000));

  const workers = await Promise.all([flow.start('worker'), flow.start('worker')]);
  const publishing = flow.producer.publish(messages.slice(10_000));
  for (let round = 0; round < 3; round++) await Promise.all([flow.flush(), flow.flush()]);
  await publishing;
  await flow.settled({
    counted: sent.good,
    duplicates: sent.duplicate,
    deadLetters: sent.bad,
  });
  expect(await flow.verify()).toMatchObject({
    counted: sent.good,
    duplicates: sent.duplicate,
    deadLetters: sent.bad,
    drift: 0,
  });

  await Promise.all([flow.flush(), flow.flush()]);
  expect(await flow.verify()).toMatchObject({ flushed: sent.good, sealed: 0, live: 0, drift: 0 });
  const rows = await (await flow.openApi()).rows({ limit: '1000' });
  expect(sumsOfRows(rows)).toEqual(sumsOfPulses(goodPulses(traffic)));

  for (const worker of workers) worker.signal('SIGTERM');
  for (const worker of workers) expect(await worker.ended).toMatchObject({ exitCode: 0 });
});
