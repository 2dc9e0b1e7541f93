import { expect, test } from 'vitest';
import { instantOf, localOf } from '../../web/src/parts/instant.ts';

const BERLIN = 'Europe/Berlin';

test('a time of a zone is an instant, and back', () => {
  expect(instantOf('2026-07-01T12:00:00', BERLIN)).toBe('2026-07-01T10:00:00.000Z');
  expect(instantOf('2026-07-01 12:00', BERLIN)).toBe('2026-07-01T10:00:00.000Z');
  expect(instantOf('2026-07-01', BERLIN)).toBe('2026-06-30T22:00:00.000Z');
  expect(instantOf('2026-12-01T12:00:00', BERLIN)).toBe('2026-12-01T11:00:00.000Z');
  expect(instantOf('2026-07-01T12:00:00', 'Asia/Kathmandu')).toBe('2026-07-01T06:15:00.000Z');
  expect(localOf('2026-07-01T10:00:00.000Z', BERLIN)).toBe('2026-07-01 12:00:00');
});

test('where the clocks change, a time that comes twice is the earlier one', () => {
  expect(instantOf('2026-10-25T02:30:00', BERLIN)).toBe('2026-10-25T00:30:00.000Z');
  // 02:30 does not exist on this day.
  expect(instantOf('2026-03-29T02:30:00', BERLIN)).toBe('2026-03-29T01:30:00.000Z');
});

test('what is no time is no instant', () => {
  expect(instantOf('', BERLIN)).toBeUndefined();
  expect(localOf('yesterday', BERLIN)).toBe('');
  for (const text of [
    '2026-02-30 12:00',
    '2026-02-03 24:00',
    '2026-02',
    '1/2/2026',
    '2026-02-03 1',
  ]) {
    expect(instantOf(text, BERLIN), text).toBeUndefined();
  }
});

test('every year that somebody passes while typing one is an instant', () => {
  for (const year of ['0002', '0020', '0202', '2027', '9999']) {
    for (const zone of [BERLIN, 'UTC', 'America/New_York']) {
      expect(instantOf(`${year}-07-01T12:00`, zone)).toMatch(new RegExp(`^${year}-07-01T`));
    }
  }
});
