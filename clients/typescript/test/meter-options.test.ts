import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { IdentifiedPulse } from '../src/api-types.ts';
import { createMeter, MeterFullError } from '../src/meter.ts';
import type { MeterOptions } from '../src/meter-options.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const PULSE = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '0.25' };

/** A meter for an API that confirms nothing. */
function open(options: MeterOptions) {
  const requests: IdentifiedPulse[][] = [];
  const meter = createMeter((pulses) => {
    requests.push([...pulses]);
    return Promise.resolve([]);
  }, options);
  return { meter, requests };
}

test('options that are undefined have their defaults', async () => {
  // What JavaScript, and TypeScript without exactOptionalPropertyTypes, pass on.
  const names = ['flushIntervalMs', 'batchSizeMax', 'bufferSizeMax', 'overflow'];
  const unset = Object.fromEntries(names.map((name) => [name, undefined])) as MeterOptions;
  const { meter, requests } = open(unset);
  meter.record(PULSE);
  await vi.advanceTimersByTimeAsync(999);
  expect(requests).toHaveLength(0);
  for (let held = 1; held < 10_000; held++) meter.record(PULSE);
  await vi.advanceTimersByTimeAsync(0);
  expect(requests[0]).toHaveLength(500);
  expect(() => meter.record(PULSE)).toThrow(MeterFullError);
  const closed = meter.close(0);
  await vi.advanceTimersByTimeAsync(1);
  expect(await closed).toHaveLength(10_000);
});

test('an interval beyond what a timer can wait is the longest that it can', async () => {
  const { meter, requests } = open({ flushIntervalMs: Infinity });
  meter.record(PULSE);
  await vi.advanceTimersByTimeAsync(24 * 86_400_000);
  expect(requests).toHaveLength(0);
  void meter.flush();
  expect(requests).toHaveLength(1);
  void meter.close(0);
  await vi.advanceTimersByTimeAsync(1);
});

test.each<MeterOptions>([
  { batchSizeMax: 0 },
  { batchSizeMax: 1_001 },
  { batchSizeMax: 2.5 },
  { batchSizeMax: NaN },
  { bufferSizeMax: 0 },
  { bufferSizeMax: NaN },
  { flushIntervalMs: NaN },
  { flushIntervalMs: -1 },
  { retryDelayMs: NaN },
  { retryDelayMaxMs: NaN },
])('options with which nothing could be sent are refused: %o', (options) => {
  expect(() => open(options)).toThrow(RangeError);
});
