import { describe, expect, test } from 'vitest';
import { createNextTick } from '../../src/flush/next-tick.ts';

const NOW = Date.parse('2026-01-31T13:20:30Z');

/** Asks until there is an answer. */
function nextAfter(cron: string, nowMs: number, attempts = 10_000): string | undefined {
  const ticks = createNextTick(cron);
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const found = ticks.after(nowMs);
      if (found !== undefined) return found.toISOString();
    }
    return undefined;
  } finally {
    ticks.close();
  }
}

describe('the next tick', () => {
  test.each([
    { cron: '0 * * * *', next: '2026-01-31T14:00:00.000Z' },
    { cron: '20 13 * * *', next: '2026-02-01T13:20:00.000Z' },
    { cron: '*/15 * * * * *', next: '2026-01-31T13:20:45.000Z' },
    { cron: '30 3 * * 1', next: '2026-02-02T03:30:00.000Z' },
  ])('of $cron is $next', ({ cron, next }) => {
    expect(nextAfter(cron, NOW)).toBe(next);
  });

  test('of a common expression is known at once, and of a rare one only after some looks', () => {
    expect(nextAfter('0 * * * *', NOW, 1)).toBeDefined();
    expect(nextAfter('30 3 * * 1', NOW, 1)).toBeUndefined();
  });

  test('follows the clock', () => {
    const ticks = createNextTick('0 * * * *');
    expect(ticks.after(NOW)?.toISOString()).toBe('2026-01-31T14:00:00.000Z');
    expect(ticks.after(NOW + 3_600_000)?.toISOString()).toBe('2026-01-31T15:00:00.000Z');
    // Also after a day without a look.
    expect(ticks.after(NOW + 86_400_000)?.toISOString()).toBe('2026-02-01T14:00:00.000Z');
    ticks.close();
  });
});
