import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HOUR_SECONDS, WINDOW_MINUTES, windowStartSec } from '../../src/core/window.ts';

describe('windowStartSec', () => {
  test.each([
    ['the first millisecond of an hour', '2026-11-22T04:00:00.000Z', '2026-11-22T04:00:00Z'],
    ['the last millisecond of an hour', '2026-11-22T04:59:59.999Z', '2026-11-22T04:00:00Z'],
    ['the last millisecond of a year', '2026-12-31T23:59:59.999Z', '2026-12-31T23:00:00Z'],
    ['an instant before 1970', '1969-12-31T23:30:00.000Z', '1969-12-31T23:00:00Z'],
  ])('%s belongs to the window that contains it', (_, time, start) => {
    expect(windowStartSec(Date.parse(time), HOUR_SECONDS)).toBe(Date.parse(start) / 1000);
  });

  test.each(WINDOW_MINUTES)('every instant is in its window of %i minutes', (minutes) => {
    const windowMs = minutes * 60_000;
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        const startMs = windowStartSec(date.getTime(), minutes * 60) * 1000;
        expect(Math.abs(startMs % windowMs)).toBe(0);
        expect(startMs).toBeLessThanOrEqual(date.getTime());
        expect(date.getTime()).toBeLessThan(startMs + windowMs);
      }),
    );
  });

  test.each(WINDOW_MINUTES)('windows of %i minutes never cross an hour', (minutes) => {
    expect(HOUR_SECONDS % (minutes * 60)).toBe(0);
  });
});
