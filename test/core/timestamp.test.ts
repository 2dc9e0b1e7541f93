import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseInstant, parseTimestamp } from '../../src/core/timestamp.ts';

const arbitraryInstant = fc.date({
  min: new Date('0001-01-01T00:00:00Z'),
  max: new Date('9999-12-31T23:59:59.999Z'),
  noInvalidDate: true,
});

describe('parseTimestamp', () => {
  test.each([
    ['1970-01-01T00:00:00Z', 0],
    ['1970-01-01T00:00:00-00:00', 0],
    ['2026-11-22T04:10:00.5Z', Date.UTC(2026, 10, 22, 4, 10, 0, 500)],
    ['2026-11-22t04:10:00z', Date.UTC(2026, 10, 22, 4, 10)],
    ['2026-11-22T04:10:00+02:00', Date.UTC(2026, 10, 22, 2, 10)],
    ['2026-11-22T04:10:00-09:30', Date.UTC(2026, 10, 22, 13, 40)],
    ['2026-12-31T23:59:59-23:59', Date.UTC(2027, 0, 1, 23, 58, 59)],
    ['2026-01-01T00:00:00+23:59', Date.UTC(2025, 11, 31, 0, 1)],
    ['2024-02-29T12:00:00Z', Date.UTC(2024, 1, 29, 12)],
    ['2000-02-29T00:00:00Z', Date.UTC(2000, 1, 29)],
    ['1969-12-31T23:59:59.999Z', -1],
    ['2026-11-22T04:10:00.123456789Z', Date.UTC(2026, 10, 22, 4, 10, 0, 123)],
    ['2026-11-22T04:10:00.1239999999999999999Z', Date.UTC(2026, 10, 22, 4, 10, 0, 123)],
    ['2026-11-22T04:10:00.000999999Z', Date.UTC(2026, 10, 22, 4, 10)],
    ['2026-11-22T04:10:00.05Z', Date.UTC(2026, 10, 22, 4, 10, 0, 50)],
  ])('%s is the instant %i', (text, timeMs) => {
    expect(parseTimestamp(text)).toBe(timeMs);
  });

  test('a leap second belongs to the hour that it ends', () => {
    expect(parseTimestamp('2016-12-31T23:59:60Z')).toBe(Date.UTC(2016, 11, 31, 23, 59, 59));
    expect(parseTimestamp('2016-12-31T23:59:60.999Z')).toBe(
      Date.UTC(2016, 11, 31, 23, 59, 59, 999),
    );
  });

  test.each([
    '',
    '2026',
    '2026-11-22',
    '2026-11-22T04:10Z',
    '2026-11-22T04:10:00',
    '2026-11-22 04:10:00Z',
    '2026-11-22T04:10:00 Z',
    ' 2026-11-22T04:10:00Z',
    '2026-11-22T04:10:00Z\n',
    '2026-11-22T04:10:00.Z',
    '2026-11-22T04:10:00,5Z',
    '2026-11-22T04:10:00+0200',
    '2026-11-22T04:10:00+02',
    '2026-11-22T04:10:00+24:00',
    '2026-11-22T04:10:00+02:60',
    '2026-11-22T04:10:00UTC',
    '26-11-22T04:10:00Z',
    '+02026-11-22T04:10:00Z',
    '-2026-11-22T04:10:00Z',
    '2026-1-2T04:10:00Z',
    '2026-00-10T00:00:00Z',
    '2026-13-10T00:00:00Z',
    '2026-11-00T00:00:00Z',
    '2026-11-31T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-02-30T00:00:00Z',
    '2026-11-22T24:00:00Z',
    '2026-11-22T04:60:00Z',
    '2026-11-22T04:10:61Z',
    '٢٠٢٦-11-22T04:10:00Z',
    '1763784600',
    'Sun, 22 Nov 2026 04:10:00 GMT',
  ])('%j is not an instant', (text) => {
    expect(parseTimestamp(text)).toBeUndefined();
  });

  test('every instant that Date formats is parsed to the millisecond', () => {
    fc.assert(
      fc.property(arbitraryInstant, (date) => {
        expect(parseTimestamp(date.toISOString())).toBe(date.getTime());
      }),
      { numRuns: 2_000 },
    );
  });

  test('an offset shifts the local time by exactly its value', () => {
    const offset = fc.tuple(
      fc.constantFrom('+', '-'),
      fc.integer({ min: 0, max: 23 }),
      fc.integer({ min: 0, max: 59 }),
    );
    fc.assert(
      fc.property(arbitraryInstant, offset, (date, [sign, hours, minutes]) => {
        const text = `${sign}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
        const shiftMs = (sign === '-' ? 1 : -1) * (hours * 60 + minutes) * 60_000;
        expect(parseTimestamp(date.toISOString().replace('Z', text))).toBe(
          date.getTime() + shiftMs,
        );
      }),
    );
  });

  test('days are accepted exactly if the month has them, in every year of four centuries', () => {
    for (let year = 1900; year <= 2300; year++) {
      for (const month of ['02', '04', '12']) {
        for (const day of [28, 29, 30, 31]) {
          const text = `${year}-${month}-${day}T00:00:00Z`;
          const exists = new Date(Date.UTC(year, Number(month) - 1, day)).getUTCDate() === day;
          expect(parseTimestamp(text) !== undefined, text).toBe(exists);
        }
      }
    }
  });

  test('any text is an instant or undefined, never an exception', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(['number', 'undefined']).toContain(typeof parseTimestamp(text));
      }),
    );
  });
});

test.each(['0001-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '0000-12-31T23:00:00-01:00'])(
  'parseInstant takes %s',
  (text) => {
    expect(parseInstant(text)).toBe(new Date(text).getTime());
  },
);

test.each(['0000-12-31T23:59:59Z', '0001-01-01T00:59:59+01:00', '9999-12-31T23:00:00-01:00', 'x'])(
  'parseInstant does not take %s',
  (text) => {
    expect(parseInstant(text)).toBeUndefined();
  },
);
