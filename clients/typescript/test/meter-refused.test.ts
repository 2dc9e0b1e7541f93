import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { MeterRetry } from '../src/meter-options.ts';
import { PulseApiError } from '../src/transport.ts';
import { accept, open, PULSE } from './meter-fixture.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

// 200 is the page of another server.
test.each([401, 403, 404, 405, 200, 413])(
  'neither flush nor close waits for what is refused with %i, and onRetry says so',
  async (status) => {
    const refusal = new PulseApiError(status, undefined, undefined);
    const onRetry = vi.fn<(retry: MeterRetry) => void>();
    const { meter, requests } = open([refusal], { onRetry });
    const id = meter.record(PULSE);
    expect(await meter.flush()).toBe(false);
    expect(onRetry).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ error: refusal, refused: true }),
    );
    expect(requests).toHaveLength(1);
    const closed = meter.close(Infinity);
    await vi.runOnlyPendingTimersAsync();
    expect(await closed).toMatchObject([{ id }]);
    expect(meter.lastError).toBe(refusal);
  },
);

test.each([408, 429, 500, 503])('%i is no refusal: flush waits', async (status) => {
  const onRetry = vi.fn<(retry: MeterRetry) => void>();
  const { meter } = open([new PulseApiError(status, undefined, undefined), accept], { onRetry });
  meter.record(PULSE);
  const flushed = meter.flush();
  await vi.runAllTimersAsync();
  expect(await flushed).toBe(true);
  expect(onRetry).toHaveBeenCalledWith(expect.objectContaining({ refused: false }));
});
