import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createMeter, MeterClosedError } from '../src/meter.ts';
import { accept, LOST, open, PULSE, refuse } from './meter-fixture.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('flush with nothing to send is done at once', async () => {
  expect(await open([accept]).meter.flush()).toBe(true);
});

test('flush resolves to false after its timeout, and sending continues', async () => {
  const { meter } = open([LOST, LOST, LOST, LOST, accept]);
  meter.record(PULSE);
  const flushed = meter.flush(300);
  await vi.advanceTimersByTimeAsync(300);
  expect(await flushed).toBe(false);
  await vi.runAllTimersAsync();
  expect(meter.bufferedCount).toBe(0);
});

test('close sends the rest and accepts no more', async () => {
  const { meter, requests } = open([accept]);
  meter.record(PULSE);
  expect(await meter.close()).toEqual([]);
  expect(requests).toHaveLength(1);
  expect(() => meter.record(PULSE)).toThrow(MeterClosedError);
});

test('close returns what could not be sent in time, with the ids to send it again', async () => {
  const { meter } = open([LOST]);
  const id = meter.record(PULSE);
  const closed = meter.close(1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await closed).toMatchObject([{ ...PULSE, id }]);
  expect(vi.getTimerCount()).toBe(0);
});

test('after a close that left pulses, flush and close give up at once, and close returns them again', async () => {
  const { meter, requests } = open([LOST]);
  meter.record(PULSE);
  const closing = meter.close(5_000);
  await vi.advanceTimersByTimeAsync(5_000);
  const left = await closing;
  expect(left).toHaveLength(1);
  const sentCount = requests.length;
  const answers: unknown[] = [];
  for (const timeoutMs of [undefined, 3_000]) {
    void meter.flush(timeoutMs).then((settled) => answers.push(settled));
  }
  void meter.close(3_000).then((again) => answers.push(again));
  await vi.advanceTimersByTimeAsync(0);
  expect(answers).toEqual([false, false, left]);
  expect(requests).toHaveLength(sentCount);
  expect(vi.getTimerCount()).toBe(0);
});

test('close without a limit waits until everything is sent', async () => {
  const { meter } = open([LOST, LOST, accept], { retryDelayMs: 1_000 });
  meter.record(PULSE);
  const closed = meter.close(Infinity);
  await vi.runAllTimersAsync();
  expect([await closed, meter.lastError]).toEqual([[], undefined]);
});

test('close aborts a request that hangs, and does not wait to retry it', async () => {
  const onRetry = vi.fn();
  const meter = createMeter(
    (_pulses, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          reject(LOST);
        });
      }),
    { onRetry, retryDelayMs: 60_000 },
  );
  const id = meter.record(PULSE);
  const closed = meter.close(1_000);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await closed).toMatchObject([{ id }]);
  expect(onRetry).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

test('pulses recorded during a send are sent as well, and leave no timer', async () => {
  const sent: string[] = [];
  const meter = createMeter(async (pulses) => {
    await Promise.resolve();
    if (sent.length < 3) meter.record(PULSE);
    sent.push(...pulses.map(({ id }) => id));
    return pulses.map(({ id }, index) => ({ index, status: 'accepted', id }));
  });
  meter.record(PULSE);
  await meter.flush();
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toHaveLength(4);
  expect(meter.bufferedCount).toBe(0);
  expect(vi.getTimerCount()).toBe(0);
});

test('a listener that throws does not stop the sending', async () => {
  const thrown: unknown[] = [];
  vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((task) => {
    try {
      task();
    } catch (error) {
      thrown.push(error);
    }
  });
  const { meter, requests } = open([refuse, accept], {
    onRejected: () => {
      throw new Error('of the listener');
    },
  });
  meter.record(PULSE);
  await meter.flush();
  meter.record(PULSE);
  expect(await meter.flush()).toBe(true);
  expect(requests).toHaveLength(2);
  expect(thrown).toMatchObject([{ message: 'of the listener' }]);
  vi.restoreAllMocks();
});
