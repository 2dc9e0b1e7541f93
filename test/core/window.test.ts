import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { windowStartSec } from '../../src/core/window.ts';

describe('windowStartSec', () => {
  test.each([
    ['the first millisecond of an hour', '2026-11-22T04:00:00.000Z', '2026-11-22T04:00:00Z'],
    ['the last millisecond of an hour', '2026-11-22T04:59:59.999Z', '2026-11-22T04:00:00Z'],
    ['the last millisecond of a year', '2026-12-31T23:59:59.999Z', '2026-12-31T23:00:00Z'],
    ['an instant before 1970', '1969-12-31T23:30:00.000Z', '1969-12-31T23:00:00Z'],
  ])('%s belongs to the window that holds it', (_, time, start) => {
    expect(windowStartSec(Date.parse(time))).toBe(Date.parse(start) / 1000);
  });

  test('every instant lies in its window, which is a whole UTC hour', () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true }), (date) => {
        const startMs = windowStartSec(date.getTime()) * 1000;
        expect(Math.abs(startMs % 3_600_000)).toBe(0);
        expect(startMs).toBeLessThanOrEqual(date.getTime());
        expect(date.getTime()).toBeLessThan(startMs + 3_600_000);
      }),
    );
  });
});
