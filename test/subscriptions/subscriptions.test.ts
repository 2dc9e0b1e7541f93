import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHANGES_MAX,
  PENDING_MAX,
  refuseWithdrawal,
  scheduleChange,
  statusAfter,
  statusOf,
  type ChangeableTimeline,
  type ChangeKind,
  type TimelineChange,
} from '../../src/subscriptions/subscriptions.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
const at = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);
const change = (number: number, kind: ChangeKind, hours: number): TimelineChange => ({
  number,
  kind,
  effectiveAt: at(hours),
});
const NONE: ChangeableTimeline = { last: undefined, pending: [], newestNumber: 0 };
const ACTIVE = { ...NONE, last: change(1, 'purchased', -24), newestNumber: 1 };
const ENDS_SOON = { ...ACTIVE, pending: [change(2, 'canceled', 5)], newestNumber: 2 };
/** Only one change may follow. */
const LONG_ACTIVE = {
  ...NONE,
  last: change(CHANGES_MAX - 1, 'restarted', -1),
  newestNumber: CHANGES_MAX - 1,
};
const LONG_CANCELED = { ...LONG_ACTIVE, last: change(CHANGES_MAX - 1, 'canceled', -1) };

describe('a change', () => {
  test.each<[string, ChangeableTimeline, ChangeKind, Date | undefined, unknown]>([
    ['takes effect at once', ACTIVE, 'canceled', undefined, NOW],
    ['may be scheduled', ACTIVE, 'canceled', at(3), at(3)],
    ['may reach back to the last one', ACTIVE, 'canceled', at(-24), at(-24)],
    ['no further', ACTIVE, 'canceled', at(-25), { code: 'effective_at_too_early' }],
    ['fits the status', ACTIVE, 'restarted', undefined, { code: 'subscription_status' }],
    ['is not made twice', ENDS_SOON, 'canceled', undefined, { code: 'change_pending' }],
    [
      'does not overtake a pending one',
      ENDS_SOON,
      'restarted',
      undefined,
      { code: 'change_pending' },
    ],
    ['may follow a pending one', ENDS_SOON, 'restarted', at(6), at(6)],
    ['not before it', ENDS_SOON, 'restarted', at(4), { code: 'effective_at_too_early' }],
    ['is within ten years', ACTIVE, 'canceled', at(90_000), { code: 'effective_at_too_late' }],
    ['as the last one cancels at once', LONG_ACTIVE, 'canceled', undefined, NOW],
    ['or earlier', LONG_ACTIVE, 'canceled', at(-1), at(-1)],
    ['not later', LONG_ACTIVE, 'canceled', at(1), { code: 'too_many_changes' }],
    ['and is no restart', LONG_CANCELED, 'restarted', undefined, { code: 'too_many_changes' }],
  ])('%s', (...[, timeline, kind, effectiveAt, expected]) => {
    const result = scheduleChange(timeline, { kind, effectiveAt }, NOW);
    if (expected instanceof Date) expect(result).toEqual(expected);
    else expect(result).toMatchObject(expected as object);
  });

  test('that would be the first is refused before 2000, and no earlier change is named', () => {
    const first = { kind: 'purchased', effectiveAt: new Date('1999-12-31T23:59:59Z') } as const;
    expect(scheduleChange(NONE, first, NOW)).toEqual({
      code: 'effective_at_too_early',
      detail: 'effective_at must not be before 2000-01-01T00:00:00.000Z.',
    });
  });

  test('made while the clock is behind the last one takes effect with it', () => {
    const ahead = { ...ACTIVE, last: change(1, 'purchased', 1) };
    expect(scheduleChange(ahead, { kind: 'canceled' }, NOW)).toEqual(at(1));
  });

  test(`is refused when ${PENDING_MAX} are pending`, () => {
    const kinds: ChangeKind[] = ['canceled', 'restarted'];
    const pending = Array.from({ length: PENDING_MAX }, (_, index) =>
      change(index + 2, kinds[index % 2]!, index + 1),
    );
    const next = { kind: 'canceled', effectiveAt: at(100) } as const;
    expect(scheduleChange({ ...ACTIVE, pending }, next, NOW)).toMatchObject({
      code: 'too_many_pending',
    });
  });
});

test('whatever is asked for, a timeline alternates and never goes back', () => {
  const asked = fc.record({
    kind: fc.constantFrom<ChangeKind>('purchased', 'canceled', 'restarted'),
    effectiveAt: fc.option(fc.integer({ min: -30, max: 30 }).map(at), { nil: undefined }),
    hoursLater: fc.integer({ min: 0, max: 5 }),
  });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 30 }), (requests) => {
      let now = NOW;
      let timeline = NONE;
      const made: TimelineChange[] = [];
      for (const { kind, effectiveAt, hoursLater } of requests) {
        now = new Date(now.getTime() + hoursLater * 3_600_000);
        // Its purchase makes a subscription.
        if (made.length === 0 && kind !== 'purchased') continue;
        const due = timeline.pending.filter((one) => one.effectiveAt <= now);
        timeline = {
          ...timeline,
          last: due.at(-1) ?? timeline.last,
          pending: timeline.pending.slice(due.length),
        };
        const when = scheduleChange(timeline, { kind, effectiveAt }, now);
        if (!(when instanceof Date)) continue;
        const next = { number: made.length + 1, kind, effectiveAt: when };
        made.push(next);
        timeline = followedBy(timeline, next, now);
      }
      for (const [index, one] of made.entries()) {
        const before = made[index - 1];
        if (before === undefined) {
          expect(one.kind).toBe('purchased');
          continue;
        }
        expect(one.kind).toBe(statusAfter(before.kind) === 'active' ? 'canceled' : 'restarted');
        expect(one.effectiveAt.getTime()).toBeGreaterThanOrEqual(before.effectiveAt.getTime());
      }
    }),
  );
});

test('whatever is asked for and withdrawn, the history ends, and a subscription can be canceled', () => {
  const asked = fc.record({
    kind: fc.constantFrom<ChangeKind>('canceled', 'restarted'),
    hoursLater: fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined }),
    isWithdrawn: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(asked, { maxLength: 40 }), (requests) => {
      const newestNumber = CHANGES_MAX - 10;
      const last = change(newestNumber, 'restarted', -1);
      let timeline: ChangeableTimeline = { last, pending: [], newestNumber };
      for (const { kind, hoursLater, isWithdrawn } of requests) {
        const effectiveAt = hoursLater === undefined ? undefined : at(hoursLater);
        const when = scheduleChange(timeline, { kind, effectiveAt }, NOW);
        if (when instanceof Date) {
          const next = { number: timeline.newestNumber + 1, kind, effectiveAt: when };
          timeline = followedBy(timeline, next, NOW);
        }
        if (isWithdrawn) timeline = { ...timeline, pending: timeline.pending.slice(0, -1) };
      }
      expect(timeline.newestNumber).toBeLessThanOrEqual(CHANGES_MAX);
      const rest = { ...timeline, pending: [] };
      if (statusOf(rest) !== 'active') return;
      expect(scheduleChange(rest, { kind: 'canceled' }, NOW)).toEqual(NOW);
      expect(timeline.newestNumber).toBeLessThan(CHANGES_MAX);
    }),
  );
});

/** The timeline after a change was made. */
function followedBy(
  { last, pending }: ChangeableTimeline,
  change: TimelineChange,
  now: Date,
): ChangeableTimeline {
  const newestNumber = change.number;
  return change.effectiveAt > now
    ? { last, pending: [...pending, change], newestNumber }
    : { last: change, pending: [], newestNumber };
}

test('only the last pending change can be withdrawn', () => {
  const pending = [change(2, 'canceled', 1), change(4, 'restarted', 2)];
  const timeline = { ...ACTIVE, pending };
  expect(refuseWithdrawal(timeline, 4)).toBeUndefined();
  expect(refuseWithdrawal(timeline, 2)).toMatchObject({ code: 'change_pending' });
  expect(refuseWithdrawal(timeline, 1)).toMatchObject({ code: 'change_not_pending' });
  expect(refuseWithdrawal(ACTIVE, 1)).toMatchObject({ code: 'change_not_pending' });
});
