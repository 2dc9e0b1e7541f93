import { expect, test } from 'vitest';
import { spanOf } from '../../web/src/parts/range.ts';
import {
  dayAndTime,
  fitted,
  insideWindow,
  msOf,
  needsWindow,
  repaired,
} from '../../web/src/pages/usage/whole-windows.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TODAY = '2026-11-30';
const INDIA = 'Asia/Kolkata';
const NEPAL = 'Asia/Kathmandu';

const lastWeek = (zone: string) => ({
  zone,
  today: TODAY,
  byDay: false,
  from: '2026-11-23',
  to: '2026-11-30',
});

test('days in India begin with the first whole window, and the page says so', () => {
  expect(needsWindow(lastWeek(INDIA))).toBe(true);
  expect(fitted(lastWeek(INDIA), HOUR_MS)).toEqual({
    bounds: { from: '2026-11-22T19:00:00Z', to: '2026-11-29T19:00:00Z' },
    shift: { windowMinutes: 60, dayBegins: '00:30', exactMinutes: 30 },
  });
  expect(dayAndTime(Date.parse('2026-11-22T19:00:00Z'), INDIA)).toBe('Mon 2026-11-23 00:30');
  expect(fitted(lastWeek(NEPAL), HOUR_MS)).toEqual({
    bounds: { from: '2026-11-22T19:00:00Z', to: '2026-11-29T19:00:00Z' },
    shift: { windowMinutes: 60, dayBegins: '00:45', exactMinutes: 15 },
  });
  expect(fitted(lastWeek(NEPAL), 30 * MINUTE_MS).shift).toEqual({
    windowMinutes: 30,
    dayBegins: '00:15',
    exactMinutes: 15,
  });
});

test('an installation with windows that fit is asked for midnight', () => {
  expect(fitted(lastWeek(INDIA), 30 * MINUTE_MS)).toEqual({
    bounds: { from: '2026-11-23', to: '2026-11-30' },
    shift: undefined,
  });
  expect(needsWindow(lastWeek('Europe/Berlin'))).toBe(false);
  expect(needsWindow({ zone: INDIA, today: TODAY, byDay: false })).toBe(false);
});

test('days without bounds begin later, too', () => {
  const asked = { zone: INDIA, today: TODAY, byDay: true };
  expect(needsWindow(asked)).toBe(true);
  expect(fitted(asked, HOUR_MS)).toEqual({
    bounds: {},
    shift: { windowMinutes: 60, dayBegins: '00:30', exactMinutes: 30 },
  });
});

test('neighbours neither overlap nor leave a gap, also where clocks change by half an hour', () => {
  // Lord Howe Island is at +10:30, and at +11:00 from October to April.
  for (const zone of [INDIA, NEPAL, 'Australia/Adelaide', 'Australia/Lord_Howe']) {
    for (const today of ['2026-04-06', '2026-10-05', TODAY]) {
      const [before, after] = (['last_week', 'this_week'] as const).map((range) => {
        const { from = '', to = '' } = spanOf(range, today);
        return fitted({ zone, today, byDay: false, from, to }, HOUR_MS).bounds;
      });
      expect(before?.to).toBe(after?.from);
      expect(msOf(after?.from ?? '', zone)! % HOUR_MS).toBe(0);
    }
  }
});

test('times that somebody typed are repaired on request, both at once', () => {
  const asked = { ...lastWeek(INDIA), from: '2026-11-23 00:00', to: '2026-11-29T12:10:00Z' };
  expect(insideWindow(asked, HOUR_MS)).toBe(true);
  const bounds = repaired(asked, HOUR_MS);
  expect(bounds).toEqual({ from: '2026-11-23 00:30', to: '2026-11-29 17:30' });
  expect(insideWindow({ ...asked, ...bounds }, HOUR_MS)).toBe(false);
  expect(insideWindow(lastWeek(INDIA), HOUR_MS)).toBe(false);
});

test('a repaired span has a window, and dates in it stay', () => {
  const narrow = { zone: 'UTC', today: TODAY, byDay: false, from: '2026-11-23 12:05' };
  expect(repaired({ ...narrow, to: '2026-11-23 12:10' }, HOUR_MS)).toEqual({
    from: '2026-11-23 12:00',
    to: '2026-11-23 13:00',
  });
  expect(repaired({ ...narrow, to: '2026-11-24' }, HOUR_MS)).toEqual({
    from: '2026-11-23 12:00',
    to: '2026-11-24',
  });
});

test('a repaired time that clocks show twice is the one that was meant', () => {
  const asked = { zone: 'Europe/Berlin', today: TODAY, byDay: false };
  expect(repaired({ ...asked, from: '2026-10-25T01:05:00Z' }, HOUR_MS)).toEqual({
    from: '2026-10-25T01:00:00Z',
  });
});

test('what is no date and no time is no place', () => {
  expect(msOf('2026-11-23', 'UTC')).toBe(Date.parse('2026-11-23'));
  expect(msOf('2026-11-30 03:00:00', INDIA)).toBe(Date.parse('2026-11-29T21:30:00Z'));
  for (const text of ['yesterday', '2026-02-30', '2026', '12:00', '2026-11-30 25:00']) {
    expect(msOf(text, 'UTC')).toBeUndefined();
  }
});
