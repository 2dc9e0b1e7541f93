import { describe, expect, test } from 'vitest';
import { parsePulse, type PulseContext } from '../../src/contract/parse-pulse.ts';
import { sentPulse } from '../support/pulses.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 10, 0);
const DAY_MS = 86_400_000;
const HOUR_SEC = 3_600;

/** The window's start as text, or the reason for the refusal. */
function windowOf(fields: Record<string, unknown>, changes: Partial<PulseContext> = {}): string {
  const outcome = parsePulse(sentPulse(fields), {
    fallbackId: undefined,
    messageTimeSec: undefined,
    receivedAtMs: NOW_MS,
    ageMaxMs: 35 * DAY_MS,
    windowSeconds: 3_600,
    aheadMaxMs: 300_000,
    source: () => '',
    ...changes,
  });
  if (!outcome.ok) return outcome.rejection.reason;
  return new Date(outcome.pulse.windowStartSec * 1000).toISOString();
}

const iso = (timeMs: number): string => new Date(timeMs).toISOString();
const hourOf = (timeMs: number): string =>
  iso(Math.floor(timeMs / 1000 / HOUR_SEC) * HOUR_SEC * 1000);

describe('the time of a pulse', () => {
  test('is its own timestamp, or that of the message, or the time of receipt', () => {
    const messageTimeSec = (NOW_MS - 2 * DAY_MS) / 1000;
    const timestamp = iso(NOW_MS - DAY_MS);
    expect(windowOf({ timestamp }, { messageTimeSec })).toBe(hourOf(NOW_MS - DAY_MS));
    expect(windowOf({}, { messageTimeSec })).toBe(hourOf(NOW_MS - 2 * DAY_MS));
    expect(windowOf({})).toBe(hourOf(NOW_MS));
  });

  test('exactly 35 days in the past is accepted, a millisecond more is refused', () => {
    expect(windowOf({ timestamp: iso(NOW_MS - 35 * DAY_MS) })).toBe(hourOf(NOW_MS - 35 * DAY_MS));
    expect(windowOf({ timestamp: iso(NOW_MS - 35 * DAY_MS - 1) })).toBe('timestamp_too_old');
  });

  test('exactly 5 minutes in the future is accepted, a millisecond more is refused', () => {
    expect(windowOf({ timestamp: iso(NOW_MS + 300_000) })).toBe(hourOf(NOW_MS + 300_000));
    expect(windowOf({ timestamp: iso(NOW_MS + 300_001) })).toBe('timestamp_in_future');
  });

  test('is accepted within the configured limits', () => {
    const bounds = { ageMaxMs: 1_000, aheadMaxMs: 0 };
    expect(windowOf({ timestamp: iso(NOW_MS - 1_000) }, bounds)).toBe(hourOf(NOW_MS - 1_000));
    expect(windowOf({ timestamp: iso(NOW_MS - 1_001) }, bounds)).toBe('timestamp_too_old');
    expect(windowOf({ timestamp: iso(NOW_MS + 1) }, bounds)).toBe('timestamp_in_future');
  });

  test.each([
    ['0, as if never set', 0, 'timestamp_too_old'],
    ['milliseconds in place of seconds', NOW_MS, 'timestamp_in_future'],
    ['the largest that AMQP can carry', 2 ** 64, 'timestamp_in_future'],
    ['301 seconds ahead', NOW_MS / 1000 + 301, 'timestamp_in_future'],
  ])('an AMQP timestamp of %s is refused, never shifted', (_, messageTimeSec, reason) => {
    expect(windowOf({}, { messageTimeSec })).toBe(reason);
  });

  test('a wrong AMQP timestamp does not matter if the pulse has its own', () => {
    expect(windowOf({ timestamp: iso(NOW_MS) }, { messageTimeSec: 0 })).toBe(hourOf(NOW_MS));
  });

  test.each([
    ['a number of seconds', NOW_MS / 1000],
    ['null', null],
    ['nothing', ''],
    ['an unknown format', '22.11.2026 04:10'],
    ['a time without offset', '2026-11-22T04:10:00'],
    ['a day that the month does not have', '2026-11-31T04:10:00Z'],
    ['an array', ['2026-11-22T04:10:00Z']],
  ])('%s is not a timestamp, even with a valid AMQP timestamp', (_, timestamp) => {
    expect(windowOf({ timestamp }, { messageTimeSec: NOW_MS / 1000 })).toBe('invalid_timestamp');
  });

  test('an offset decides the UTC hour', () => {
    expect(windowOf({ timestamp: '2026-11-22T05:30:00+05:45' })).toBe('2026-11-21T23:00:00.000Z');
  });

  test('the detail says which timestamp was wrong', () => {
    const detailOf = (fields: object, messageTimeSec?: number) => {
      const outcome = parsePulse(sentPulse({ ...fields }), {
        fallbackId: undefined,
        messageTimeSec,
        receivedAtMs: NOW_MS,
        ageMaxMs: DAY_MS,
        windowSeconds: 3_600,
        aheadMaxMs: 0,
        source: () => '',
      });
      return outcome.ok ? '' : outcome.rejection.detail;
    };
    expect(detailOf({ timestamp: '2020-01-01T00:00:00Z' })).toMatch(/^timestamp is more than/);
    expect(detailOf({}, 1)).toContain('AMQP timestamp');
  });
});
