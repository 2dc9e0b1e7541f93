import { expect, onTestFinished, test, vi } from 'vitest';
import { startTcpProxy } from '../support/tcp-proxy.ts';
import { MANY_STEPS_TIMEOUT_MS } from '../support/pulse-process.ts';
import { countKinds, makeTraffic, openFlow, toMessage, type Flow } from './flow-fixture.ts';
import { goodPulses, sumsOfPulses, sumsOfRows } from './sums.ts';

vi.setConfig({ testTimeout: MANY_STEPS_TIMEOUT_MS });

const PULSES = 30_000;

/** Puts everything into the queue before a worker starts, so that a signal finds the worker busy. */
async function publishTraffic(flow: Flow, runId: string, count = PULSES) {
  const traffic = makeTraffic(count, runId);
  await flow.flush();
  await flow.producer.publish(traffic.map(toMessage));
  return { traffic, sent: countKinds(traffic) };
}

test('SIGTERM while busy: exit 0 soon, what was acknowledged is counted, the rest waits in the queue', async () => {
  const flow = await openFlow({ BATCH_SIZE: '200', PREFETCH: '800' });
  const { traffic, sent } = await publishTraffic(flow, 'terminated');
  const worker = await flow.start('worker');
  await flow.producer.drainedBelow(PULSES * 0.7);
  const signalledMs = performance.now();
  worker.signal('SIGTERM');
  const { exitCode, stderr } = await worker.ended;
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringContaining('Stopping') as string,
  });
  expect(performance.now() - signalledMs).toBeLessThan(10_000);

  const books = await flow.verify();
  const left = await flow.producer.depth();
  expect(left).toBeGreaterThan(0);
  // Dead letters are confirmed before they are acknowledged, and any running process may write them to the table.
  const settled = books.counted + books.duplicates;
  expect(PULSES - left - settled).toBeGreaterThanOrEqual(books.deadLetters);
  expect(PULSES - left - settled).toBeLessThanOrEqual(sent.bad);
  expect(books.balanced).toBe(true);

  const next = await flow.start('worker', { FLUSH_ON_EXIT: 'true' });
  await flow.settled({ counted: sent.good, duplicates: sent.duplicate, deadLetters: sent.bad });
  next.signal('SIGTERM');
  expect(await next.ended).toMatchObject({ exitCode: 0 });
  expect(await flow.verify()).toMatchObject({
    counted: sent.good,
    flushed: sent.good,
    // A drained worker leaves nothing unacknowledged, so nothing is delivered twice.
    duplicates: sent.duplicate,
    deadLetters: sent.bad,
    sealed: 0,
    live: 0,
    drift: 0,
  });
  const rows = await (await flow.openApi()).rows({ limit: '1000' });
  expect(sumsOfRows(rows)).toEqual(sumsOfPulses(goodPulses(traffic)));
});

test('when Redis does not answer, a signal still ends the worker within its time limit and nothing is lost', async () => {
  const flow = await openFlow({ BATCH_SIZE: '200', PREFETCH: '800', STOP_TIMEOUT_SECONDS: '30' });
  const { traffic, sent } = await publishTraffic(flow, 'stalled', 8_000);
  const [terminated, interrupted] = await Promise.all([
    startStalled(flow, { STOP_TIMEOUT_SECONDS: '2' }),
    startStalled(flow),
  ]);

  const signalledMs = performance.now();
  terminated.signal('SIGTERM');
  interrupted.signal('SIGINT');
  await interrupted.printed('Stopping');
  interrupted.signal('SIGINT');
  expect(await interrupted.ended).toMatchObject({ exitCode: 1 });
  expect(performance.now() - signalledMs).toBeLessThan(10_000);
  expect((await terminated.ended).exitCode).toBe(0);
  expect(performance.now() - signalledMs).toBeLessThan(20_000);

  await flow.start('worker');
  await flow.settled({ counted: sent.good, duplicates: sent.duplicate, deadLetters: sent.bad });
  await flow.flush();
  expect(await flow.verify()).toMatchObject({ counted: sent.good, flushed: sent.good, drift: 0 });
  const rows = await (await flow.openApi()).rows({ limit: '1000' });
  expect(sumsOfRows(rows)).toEqual(sumsOfPulses(goodPulses(traffic)));
});

/** A worker whose connection to Redis goes silent in the middle of its work. */
async function startStalled(flow: Flow, env: Readonly<Record<string, string>> = {}) {
  const proxy = await startTcpProxy(flow.env.REDIS_URL!);
  onTestFinished(() => proxy.close());
  const depth = await flow.producer.depth();
  const worker = await flow.start('worker', { ...env, REDIS_URL: proxy.url });
  await flow.producer.drainedBelow(depth * 0.8);
  proxy.stall();
  return worker;
}
