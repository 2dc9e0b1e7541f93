import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FatalError, TransientError } from '../../src/core/errors.ts';
import {
  startFlushSchedule,
  type FlushSchedule,
  type FlushScheduleOptions,
} from '../../src/flush/schedule.ts';

const MINUTE_MS = 60_000;
let schedule: FlushSchedule | undefined;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2024-03-05T10:50:00Z') });
});
afterEach(async () => {
  await schedule?.close();
  schedule = undefined;
  vi.useRealTimers();
});

function start(options: Partial<FlushScheduleOptions> & Pick<FlushScheduleOptions, 'flush'>): void {
  schedule = startFlushSchedule({
    cron: '0 * * * *',
    isOverdue: () => Promise.resolve(false),
    logger: pino({ level: 'silent' }),
    retryBackoff: { baseMs: 1, capMs: 2 },
    ...options,
  });
}

/** A flush that runs until the test ends it. */
function slowFlush() {
  const ends: (() => void)[] = [];
  const flush = vi.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
  return { flush, end: () => ends.shift()?.() };
}

describe('the schedule', () => {
  test('flushes on every tick, and not in between', async () => {
    const flush = vi.fn(() => Promise.resolve());
    start({ flush });
    await vi.advanceTimersByTimeAsync(9 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(0);
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(180 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(4);
  });

  test('catches up on a tick that the clock jumped over', async () => {
    const flush = vi.fn(() => Promise.resolve());
    start({ flush });
    vi.setSystemTime(Date.parse('2024-03-05T11:20:00Z'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(flush).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(30 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(15 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(2);
  });

  test('catches up once on a day of ticks that a stopped process missed', async () => {
    const flush = vi.fn(() => Promise.resolve());
    start({ flush });
    vi.setSystemTime(Date.parse('2024-03-06T10:50:00Z'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(flush).toHaveBeenCalledTimes(1);
  });

  test('catches up on a tick that a blocked event loop missed by a few seconds', async () => {
    const flush = vi.fn(() => Promise.resolve());
    start({ flush });
    await vi.advanceTimersByTimeAsync(10 * MINUTE_MS - 1_000);
    vi.setSystemTime(Date.parse('2024-03-05T11:00:04Z'));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(flush).toHaveBeenCalledTimes(1);
  });

  test('keeps ticking after the clock is set back', async () => {
    const flush = vi.fn(() => Promise.resolve());
    start({ flush });
    vi.setSystemTime(Date.parse('2024-03-05T06:50:00Z'));
    await vi.advanceTimersByTimeAsync(11 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
  });

  test('never runs two flushes at once; a tick during one runs after it', async () => {
    const { flush, end } = slowFlush();
    start({ flush });
    await vi.advanceTimersByTimeAsync(11 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(130 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
    end();
    await vi.advanceTimersByTimeAsync(100);
    expect(flush).toHaveBeenCalledTimes(2);
    end();
    await vi.advanceTimersByTimeAsync(100);
    expect(flush).toHaveBeenCalledTimes(2);
  });
});

describe('at start', () => {
  test('an overdue flush runs at once', async () => {
    const flush = vi.fn(() => Promise.resolve());
    start({ flush, isOverdue: () => Promise.resolve(true) });
    await vi.advanceTimersByTimeAsync(1);
    expect(flush).toHaveBeenCalledTimes(1);
  });

  test('a flush runs at once if it cannot tell whether one is overdue', async () => {
    const flush = vi.fn(() => Promise.resolve());
    start({ flush, isOverdue: () => Promise.reject(new Error('redis is unavailable')) });
    await vi.advanceTimersByTimeAsync(1);
    expect(flush).toHaveBeenCalledTimes(1);
  });
});

describe('a failing flush', () => {
  const away = new TransientError('PULSE_POSTGRES_UNREACHABLE', 'away');

  test('is retried before the next tick until it works', async () => {
    const flush = vi.fn<() => Promise<void>>(() => Promise.resolve());
    flush.mockRejectedValueOnce(away).mockRejectedValueOnce(new Error('unknown'));
    // The waits between attempts are real, so only the date is faked.
    vi.useRealTimers();
    vi.useFakeTimers({ now: Date.parse('2024-03-05T10:50:00Z'), toFake: ['Date'] });
    start({ flush, isOverdue: () => Promise.resolve(true) });
    await vi.waitFor(() => {
      expect(flush).toHaveBeenCalledTimes(3);
    });
  });

  test('that needs an operator waits for the next tick', async () => {
    const flush = vi.fn(() => Promise.reject(new FatalError('PULSE_FLUSH_MISMATCH', 'differs')));
    start({ flush, isOverdue: () => Promise.resolve(true) });
    await vi.advanceTimersByTimeAsync(5 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(6 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(2);
  });

  test('is not retried beyond the next tick, which starts over', async () => {
    const flush = vi.fn(() => Promise.reject(away));
    start({
      flush,
      isOverdue: () => Promise.resolve(true),
      retryBackoff: { baseMs: 60 * MINUTE_MS, capMs: 60 * MINUTE_MS },
    });
    await vi.advanceTimersByTimeAsync(9 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(2);
  });
});

describe('close', () => {
  test('waits for a running flush and starts no other', async () => {
    const { flush, end } = slowFlush();
    start({ flush, isOverdue: () => Promise.resolve(true) });
    await vi.advanceTimersByTimeAsync(70 * MINUTE_MS);
    let closed = false;
    const closing = schedule?.close().then(() => {
      closed = true;
    });
    await vi.advanceTimersByTimeAsync(10);
    expect(closed).toBe(false);
    end();
    await closing;
    await vi.advanceTimersByTimeAsync(120 * MINUTE_MS);
    expect(flush).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('ends the wait for a retry', async () => {
    const flush = vi.fn(() => Promise.reject(new Error('away')));
    start({
      flush,
      isOverdue: () => Promise.resolve(true),
      retryBackoff: { baseMs: 5 * MINUTE_MS, capMs: 5 * MINUTE_MS },
    });
    await vi.advanceTimersByTimeAsync(10);
    await schedule?.close();
    expect(flush).toHaveBeenCalledTimes(1);
  });
});
