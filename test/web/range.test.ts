import { expect, test } from 'vitest';
import { dateIn, datesOf, instantOf, placeOf, spanOf } from '../../web/src/parts/range.ts';

test('ranges are whole days, weeks from Monday and months', () => {
  const monday = '2026-11-30';
  expect(spanOf('today', monday)).toEqual({ from: '2026-11-30', to: '2026-12-01' });
  expect(spanOf('yesterday', monday)).toEqual({ from: '2026-11-29', to: '2026-11-30' });
  expect(spanOf('last_7_days', monday)).toEqual({ from: '2026-11-24', to: '2026-12-01' });
  expect(spanOf('this_week', monday)).toEqual({ from: '2026-11-30', to: '2026-12-07' });
  expect(spanOf('this_week', '2026-11-29')).toEqual({ from: '2026-11-23', to: '2026-11-30' });
  expect(spanOf('last_week', monday)).toEqual({ from: '2026-11-23', to: '2026-11-30' });
  expect(spanOf('this_month', '2026-12-31')).toEqual({ from: '2026-12-01', to: '2027-01-01' });
  expect(spanOf('this_month', '2026-02-01')).toEqual({ from: '2026-02-01', to: '2026-03-01' });
  expect(spanOf('last_month', '2026-01-31')).toEqual({ from: '2025-12-01', to: '2026-01-01' });
  expect(spanOf('all', monday)).toEqual({ from: undefined, to: undefined });
});

test('a span is said with its last day, not with the one after it', () => {
  expect(datesOf(spanOf('last_week', '2026-11-30'))).toBe('2026-11-23 to 2026-11-29');
  expect(datesOf(spanOf('yesterday', '2026-11-30'))).toBe('2026-11-29');
});

test('the date is that of the zone', () => {
  const at = new Date('2026-11-29T23:30:00Z');
  expect(dateIn('UTC', at)).toBe('2026-11-29');
  expect(dateIn('Europe/Berlin', at)).toBe('2026-11-30');
});

test('a time of day becomes an instant, also beside a change of the clocks', () => {
  expect(instantOf('2026-03-01 12:00', 'UTC')).toBe('2026-03-01T12:00:00Z');
  expect(instantOf('2026-03-01T12:00:30', 'Asia/Kathmandu')).toBe('2026-03-01T06:15:30Z');
  expect(instantOf('2026-03-29', 'Europe/Berlin')).toBe('2026-03-28T23:00:00Z');
  expect(instantOf('2026-03-29 03:00', 'Europe/Berlin')).toBe('2026-03-29T01:00:00Z');
  expect(instantOf('2026-03-30', 'Europe/Berlin')).toBe('2026-03-29T22:00:00Z');
  expect(instantOf('2026-10-25 04:00', 'Europe/Berlin')).toBe('2026-10-25T03:00:00Z');
});

test('what is no time of day goes to the API as it is', () => {
  for (const text of ['2026-03-01T12:00:00+02:00', 'yesterday', '2026-13-01', '']) {
    expect(instantOf(text, 'UTC')).toBe(text);
  }
  expect(placeOf('2026-03-01', 'Europe/Berlin')).toBe('2026-03-01');
  expect(placeOf('2026-03-01 12:00', 'Europe/Berlin')).toBe('2026-03-01T11:00:00Z');
});
