import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  PENDING_MAX,
  refuseWithdrawal,
  scheduleChange,
  statusAfter,
  type ChangeKind,
  type Timeline,
  type TimelineChange,
} from '../../src/subscriptions/subscriptions.ts';

const NOW = new Date('2026-11-28T12:00:00Z');
const at = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);
const change = (number: number, kind: ChangeKind, hours: number): TimelineChange => ({
  number,
  kind,
  effectiveAt: at(hours),
});
const ACTIVE: Timeline = { last: change(1, 'purchased', -24), pending: [] };
const ENDS_SOON: Timeline = { ...ACTIVE, pending: [change(2, 'canceled', 5)] };

describe('a change', () => {
  test.each<[string, Timeline, ChangeKind, Date | undefined, unknown]>([
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
  ])('%s', (...[, timeline, kind, effectiveAt, expected]) => {
    const result = scheduleChange(timeline, { kind, effectiveAt }, NOW);
    if (expected instanceof Date) expect(result).toEqual(expected);
    else expect(result).toMatchObject(expected as object);
  });

  test('that would be the first is refused before 2000, and no earlier change is named', () => {
    const first = { kind: 'purchased', effectiveAt: new Date('1999-12-31T23:59:59Z') } as const;
    expect(scheduleChange({ last: undefined, pending: [] }, first, NOW)).toEqual({
      code: 'effective_at_too_early',
      detail: 'effective_at must not be before 2000-01-01T00:00:00.000Z.',
    });
  });

  test('made while the clock is behind the last one takes effect with it', () => {
    const ahead = { last: change(1, 'purchased', 1), pending: [] };
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
      let timeline: Timeline = { last: undefined, pending: [] };
      const made: TimelineChange[] = [];
      for (const { kind, effectiveAt, hoursLater } of requests) {
        now = new Date(now.getTime() + hoursLater * 3_600_000);
        // Its purchase makes a subscription.
        if (made.length === 0 && kind !== 'purchased') continue;
        const due = timeline.pending.filter((one) => one.effectiveAt <= now);
        timeline = {
          last: due.at(-1) ?? timeline.last,
          pending: timeline.pending.slice(due.length),
        };
        const when = scheduleChange(timeline, { kind, effectiveAt }, now);
        if (!(when instanceof Date)) continue;
        const next = { number: made.length + 1, kind, effectiveAt: when };
        made.push(next);
        timeline =
          when > now
            ? { ...timeline, pending: [...timeline.pending, next] }
            : { last: next, pending: [] };
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

test('only the last pending change can be withdrawn', () => {
  const pending = [change(2, 'canceled', 1), change(4, 'restarted', 2)];
  const timeline = { ...ACTIVE, pending };
  expect(refuseWithdrawal(timeline, 4)).toBeUndefined();
  expect(refuseWithdrawal(timeline, 2)).toMatchObject({ code: 'change_pending' });
  expect(refuseWithdrawal(timeline, 1)).toMatchObject({ code: 'change_not_pending' });
  expect(refuseWithdrawal(ACTIVE, 1)).toMatchObject({ code: 'change_not_pending' });
});
