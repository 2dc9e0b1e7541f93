import fc from 'fast-check';
import { createTask } from 'node-cron';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readCron } from '../../src/flush/cron-clock.ts';

const CRONS = [
  ...['0 * * * *', '*/15 * * * *', '20 13 * * *', '30 3 * * 1', '@hourly', '@monthly'],
  ...['* * * * * *', '*/7 * * * * *', '0 0 0 * * *', '30 59 23 31 12 *', ' 5,1,5  22-2/2 * * * '],
  ...['0 0 1 1 *', '0 0 29 2 *', '0 0 31 * *', '0 0 13 * fri', '30 2 * 3,10 sun', '0 0 * * 0,7'],
  ...['0 0 L * *', '0 0 L-3 * ?', '0 0 15W,LW * *', '0 0 1,L * 1-5', '0 12 * * 5L', '0 0 * 2 1#2'],
  '0 0 29 2 1#5',
];

/** What node-cron, which runs the flush, says. */
function nextRuns(cron: string, afterMs: number, count: number): number[] {
  const task = createTask(cron, () => undefined, { timezone: 'UTC' });
  void task.destroy();
  vi.useFakeTimers({ toFake: ['Date'], now: afterMs });
  const runs = task.getNextRuns(count).map((run) => run.getTime());
  vi.useRealTimers();
  return runs;
}

afterEach(() => {
  vi.useRealTimers();
});

describe.each(CRONS)('the clock of "%s"', (cron) => {
  const clock = readCron(cron);

  test('ticks when the flush does, forwards, backwards and in sum', () => {
    const afterMs = Date.parse('2026-01-31T13:20:30.500Z');
    const runs = nextRuns(cron, afterMs, 5);
    let atMs: number | undefined = afterMs;
    for (const run of runs) expect((atMs = clock.nextTick(atMs ?? NaN))).toBe(run);
    for (const run of runs.toReversed()) {
      expect((atMs = clock.lastTick(atMs ?? NaN))).toBe(run);
      atMs = run - 1;
    }
    runs.forEach((untilMs, index) => {
      expect(clock.countTicks({ afterMs, untilMs: untilMs - 1 })).toBe(index);
      expect(clock.countTicks({ afterMs, untilMs })).toBe(index + 1);
      expect(clock.countTicks({ afterMs: untilMs, untilMs: afterMs })).toBe(0);
    });
  });

  test('has no tick between the last and the next one, at any time', () => {
    const anyMs = fc.integer({ min: 0, max: 2 ** 41 });
    fc.assert(
      fc.property(anyMs, (atMs) => {
        const [run] = nextRuns(cron, atMs, 1);
        expect(clock.nextTick(atMs)).toBe(run);
        const last = clock.lastTick(atMs) ?? NaN;
        expect(last).toBeLessThanOrEqual(atMs);
        expect(clock.nextTick(last)).toBe(run);
        expect(clock.countTicks({ afterMs: last, untilMs: atMs })).toBe(0);
        expect(clock.countTicks({ afterMs: last - 1, untilMs: atMs })).toBe(1);
      }),
      { numRuns: 10 },
    );
  });
});

test('an expression without a tick says so', () => {
  const clock = readCron('0 0 30W 2 *');
  const nowMs = Date.parse('2026-01-31');
  expect(clock.nextTick(nowMs)).toBeUndefined();
  expect(clock.lastTick(nowMs)).toBeUndefined();
  expect(clock.countTicks({ afterMs: 0, untilMs: nowMs })).toBe(0);
});
