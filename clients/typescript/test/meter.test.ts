import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { IdentifiedPulse, SendOutcome } from '../src/api-types.ts';
import { MeterFullError } from '../src/meter.ts';
import type { MeterRetry } from '../src/meter-options.ts';
import { PulseApiError } from '../src/transport.ts';
import { accept, doubt, LOST, open, PULSE, refuse, type Answer } from './meter-fixture.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('a recorded pulse', () => {
  test('is sent after the interval, together with the others, with an id and a time', async () => {
    const { meter, requests } = open([accept], { flushIntervalMs: 1_000 });
    const ids = [meter.record(PULSE), meter.record({ ...PULSE, id: 'own' })];
    const recordedAt = new Date().toISOString();
    await vi.advanceTimersByTimeAsync(999);
    expect(requests).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(requests).toEqual([
      [
        { ...PULSE, id: ids[0], timestamp: recordedAt },
        { ...PULSE, id: 'own', timestamp: recordedAt },
      ],
    ]);
    expect(meter.bufferedCount).toBe(0);
  });

  test('is sent at once when it fills a batch', async () => {
    const { meter, requests } = open([accept], { batchSizeMax: 3 });
    for (let index = 0; index < 7; index++) meter.record(PULSE);
    await vi.advanceTimersByTimeAsync(0);
    expect(requests.map(({ length }) => length)).toEqual([3, 3, 1]);
  });

  test('leaves no timer behind once it is settled', async () => {
    const { meter } = open([accept]);
    meter.record(PULSE);
    expect(await meter.flush()).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('is sent in a separate request when it is long', async () => {
    const { meter, requests } = open([accept]);
    for (let index = 0; index < 3; index++) meter.record({ ...PULSE, tenant: 'x'.repeat(300_000) });
    await meter.flush();
    expect(requests.map(({ length }) => length)).toEqual([1, 1, 1]);
  });

  test.each([NaN, Infinity, -Infinity])('is refused at once with the amount %s', (used_amount) => {
    const { meter } = open([accept]);
    expect(() => meter.record({ ...PULSE, used_amount })).toThrow(RangeError);
    expect(meter.bufferedCount).toBe(0);
  });

  test('is refused at once with a member that JSON cannot hold, and the others are sent', async () => {
    const { meter, requests } = open([accept]);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    for (const id of [7n, circle, { toJSON: () => 7n }]) {
      expect(() => meter.record({ ...PULSE, id: id as never })).toThrow(TypeError);
    }
    meter.record(PULSE);
    await meter.flush();
    expect(requests).toHaveLength(1);
  });

  test('keeps a bigint exact', async () => {
    const { meter, requests } = open([accept]);
    meter.record({ ...PULSE, used_amount: 9_007_199_254_740_993n });
    await meter.flush();
    expect(requests[0]![0]!.used_amount).toBe('9007199254740993');
  });
});

describe('a repetition', () => {
  test('carries the same ids and times', async () => {
    const onRetry = vi.fn<(retry: MeterRetry) => void>();
    const { meter, requests } = open([LOST, LOST, accept], { onRetry });
    meter.record(PULSE);
    meter.record(PULSE);
    const flushed = meter.flush();
    await vi.runAllTimersAsync();
    expect(await flushed).toBe(true);
    expect(requests).toHaveLength(3);
    expect(requests[1]).toEqual(requests[0]);
    expect(requests[2]).toEqual(requests[0]);
    expect(onRetry.mock.calls.map(([{ error, attempt }]) => [error, attempt])).toEqual([
      [LOST, 1],
      [LOST, 2],
    ]);
  });

  test('holds only what was neither accepted nor rejected', async () => {
    const onRejected = vi.fn();
    const mixed: Answer = (pulse, index) => [accept, doubt, refuse][index]!(pulse, index);
    const { meter, requests } = open([mixed, accept], { onRejected });
    const ids = [meter.record(PULSE), meter.record(PULSE), meter.record(PULSE)];
    const flushed = meter.flush();
    await vi.runAllTimersAsync();
    expect(await flushed).toBe(true);
    expect(requests[1]!.map(({ id }) => id)).toEqual([ids[1]]);
    expect(onRejected).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ code: 'invalid_tenant' }),
      expect.objectContaining({ id: ids[2] }),
    );
  });

  test('sends pulses that would begin too many sums again, behind the others', async () => {
    const onRejected = vi.fn();
    const tooMany = (_pulse: IdentifiedPulse, index: number): SendOutcome => ({
      index,
      status: 'rejected',
      field: 'body',
      code: 'too_many_sums',
      reason: 'later',
    });
    const mixed: Answer = (pulse, index) => [tooMany, accept][index]!(pulse, index);
    const options = { batchSizeMax: 2, onRejected, retryDelayMs: 100 };
    const { meter, requests } = open([mixed, mixed, accept], options);
    const ids = Array.from({ length: 4 }, () => meter.record(PULSE));
    const flushed = meter.flush();
    await vi.runAllTimersAsync();
    expect(await flushed).toBe(true);
    expect(requests.map((pulses) => pulses.map(({ id }) => ids.indexOf(id)))).toEqual([
      [0, 1],
      [2, 3],
      [0, 2],
    ]);
    expect(onRejected).not.toHaveBeenCalled();
    expect(meter.bufferedCount).toBe(0);
  });

  test('waits longer every time, up to a limit, and as long as the API asks', async () => {
    const delays: number[] = [];
    const busy = new PulseApiError(503, undefined, 60_000);
    const { meter } = open([LOST, LOST, LOST, LOST, busy, accept], {
      retryDelayMs: 100,
      retryDelayMaxMs: 400,
      onRetry: ({ delayMs }) => delays.push(delayMs),
    });
    meter.record(PULSE);
    const flushed = meter.flush();
    await vi.runAllTimersAsync();
    await flushed;
    const bounds = [100, 200, 400, 400];
    for (const [index, bound] of bounds.entries()) {
      expect(delays[index]).toBeGreaterThanOrEqual(bound / 2);
      expect(delays[index]).toBeLessThanOrEqual(bound);
    }
    expect(delays[4]).toBe(60_000);
  });
});

test('an API that asks for a month is not asked again before the longest that a timer can wait', async () => {
  const { meter, requests } = open([new PulseApiError(429, undefined, 30 * 86_400_000), accept]);
  meter.record(PULSE);
  await vi.advanceTimersByTimeAsync(24 * 86_400_000 + 1_000);
  expect(requests).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(86_400_000);
  expect(requests).toHaveLength(2);
});

describe('a full buffer', () => {
  const full = { bufferSizeMax: 2 };

  test('throws, and records again when there is room', async () => {
    const { meter } = open([accept], full);
    meter.record(PULSE);
    meter.record(PULSE);
    expect(() => meter.record(PULSE)).toThrow(MeterFullError);
    await meter.flush();
    expect(() => meter.record(PULSE)).not.toThrow();
  });

  test('drops the new pulse and calls onDropped with overflow drop', () => {
    const onDropped = vi.fn();
    const { meter } = open([accept], { ...full, overflow: 'drop', onDropped });
    meter.record(PULSE);
    meter.record(PULSE);
    const id = meter.record(PULSE);
    expect(onDropped).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id }));
    expect(meter.bufferedCount).toBe(2);
  });
});
