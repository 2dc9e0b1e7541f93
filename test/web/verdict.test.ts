import { expect, test } from 'vitest';
import { COUNTED_MAX as API_COUNTED_MAX } from '../../src/status/read-postgres.ts';
import { statusText } from '../../src/status/status-json.ts';
import type { Status as ReadStatus } from '../../src/status/status.ts';
import { COUNTED_MAX, type Status } from '../../web/src/api/status.ts';
import { atLeast, openOf, topReasons } from '../../web/src/pages/overview/counted.ts';
import { verdictOf } from '../../web/src/pages/overview/verdict.ts';
import { QUIET } from '../status/fake-status.ts';

const WELL: ReadStatus = { ...QUIET, deadLetters: [] };
const SUMS = QUIET.sums!;

function statusWith(changes: Partial<ReadStatus>): Status {
  return JSON.parse(statusText({ ...WELL, ...changes })) as Status;
}

function wordsOf(changes: Partial<ReadStatus>): string {
  const { color, reasons } = verdictOf(statusWith(changes));
  return [color, ...reasons.map(({ text }) => text)].join(' ');
}

test('every pulse is counted while nothing waits and the books balance', () => {
  const few = { ready: 100, consumers: 1 };
  expect(verdictOf(statusWith({ queue: few }))).toEqual({
    ...{ color: 'green', title: 'Every pulse is counted', reasons: [], isForHealth: false },
  });
});

test('what is parked is neither counted nor in the quarantine, so something is wrong', () => {
  expect(wordsOf({ parkedQueue: { ready: 2, consumers: 0 } })).toBe(
    'red 2 dead letters are parked: Postgres cannot store them.',
  );
});

test('pulses that wait are something to see to, wherever they wait', () => {
  expect(wordsOf({ queue: { ready: 1_101, consumers: 1 } })).toBe(
    'orange 1\u202f101 messages of pulses wait in the queue.',
  );
  expect(wordsOf({ deadQueue: { ready: 1, consumers: 1 } })).toBe(
    'orange 1 refused pulse is not in the quarantine yet.',
  );
  expect(wordsOf({ oldestPulseSeconds: 60 })).toBe('orange The oldest pulse has waited for 1 min.');
  expect(wordsOf({ sums: { ...SUMS, journalSeconds: 180 } })).toBe(
    'orange A pulse in the journal has waited for 3 min to be counted.',
  );
  expect(wordsOf({ deadLetters: [{ reason: 'invalid_id', count: 1 }] })).toBe(
    'orange 1 dead letter waits for a decision.',
  );
});

test('what is to be seen to leads to its page, and only what is wrong to Health', () => {
  const open = verdictOf(statusWith({ deadLetters: [{ reason: 'invalid_id', count: 1 }] }));
  expect(open.reasons.map(({ path }) => path)).toEqual(['/dead-letters']);
  expect(open.isForHealth).toBe(false);
  const deliveries = {
    dueCount: 0,
    lateSeconds: 0,
    endpoints: { healthy: 0, failing: 2, disabled: 0 },
  };
  const failing = verdictOf(statusWith({ deliveries }));
  expect(failing.reasons).toEqual([
    { text: '2 endpoints are failing.', path: '/events/endpoints' },
  ]);
  const queue = { ready: 1_101, consumers: 1 };
  expect(verdictOf(statusWith({ queue })).reasons[0]?.path).toBe('/health');
  expect(verdictOf(statusWith({ unavailable: ['redis'] })).isForHealth).toBe(true);
});

test('nothing is said to be counted before the books are known', () => {
  expect(wordsOf({ books: null })).toBe('orange The books are not known yet.');
  const books = { ...QUIET.books!, drift: 3n, balanced: false };
  expect(wordsOf({ books })).toBe('red 3 pulses lost.');
});

test('a count that has come to its limit is at least so many, and so is a sum with it', () => {
  expect(COUNTED_MAX).toBe(API_COUNTED_MAX);
  expect([9_999, 10_000].map(atLeast)).toEqual(['9\u202f999', '10\u202f000+']);
  const open = (...counts: number[]) => {
    const deadLetters = counts.map((count) => ({ reason: 'invalid_id', count }) as const);
    return openOf(statusWith({ deadLetters }).dead_letters!);
  };
  expect(open(9_999, 9_999)).toBe('19\u202f998');
  expect(open(10_000, 1)).toBe('10\u202f001+');
  expect(wordsOf({ deadLetters: [{ reason: 'invalid_id', count: 10_000 }] })).toBe(
    'orange 10\u202f000+ dead letters wait for a decision.',
  );
});

test('the three most frequent reasons are named, and the others counted', () => {
  const reasons = ['invalid_id', 'invalid_tenant', 'invalid_unit', 'late'] as const;
  const deadLetters = reasons.map((reason, index) => ({ reason, count: index + 1 }));
  const { top, moreCount } = topReasons(
    statusWith({ deadLetters: deadLetters as ReadStatus['deadLetters'] }).dead_letters,
  );
  expect(top.map(({ reason }) => reason)).toEqual(['late', 'invalid_unit', 'invalid_tenant']);
  expect(moreCount).toBe(1);
  expect(topReasons(null)).toEqual({ top: [], moreCount: 0 });
});
