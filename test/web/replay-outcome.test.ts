import { expect, test } from 'vitest';
import type { components } from '../../web/src/api/schema.d.ts';
import { waitingAgain } from '../../web/src/pages/dead-letters/bulk-again.ts';
import { isRaised, replaysOf } from '../../web/src/pages/dead-letters/hour-sum.ts';
import { idChange } from '../../web/src/pages/dead-letters/id-change.ts';
import { judgeBody, refusalOf } from '../../web/src/pages/dead-letters/judge-body.ts';
import {
  orderOf,
  replayOutcomeOf,
  usageLinks,
} from '../../web/src/pages/dead-letters/replay-outcome.ts';

type DeadLetter = components['schemas']['DeadLetter'];

const NOW_MS = Date.parse('2026-11-29T12:00:00Z');
const ORDER = '0192f7a0-0000-7000-8000-000000000001';
const PULSE = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '1', id: 'a' };

function letterWith(changes: Partial<DeadLetter>): DeadLetter {
  const letter = {
    ...{ id: 'letter', state: 'replayed', reason: 'no_subscription', queue: null, actions: [] },
    ...{ message_id: 'message', pulse_index: null, properties: {}, body_is_cut: false },
    received_at: '2026-11-29T11:30:00Z',
    body: { encoding: 'utf8', content: JSON.stringify(PULSE) },
    ...changes,
  };
  return letter as unknown as DeadLetter;
}

function actionsOf(...names: readonly string[]): DeadLetter['actions'] {
  const at = '2026-11-29T11:59:58Z';
  return names.map((action) => ({ action, at })) as unknown as DeadLetter['actions'];
}

test('a replay is known to be accepted only some seconds later', () => {
  const replayed = letterWith({ actions: actionsOf('replay_started', 'replayed') });
  expect(replayOutcomeOf(replayed, NOW_MS)).toEqual({ knownAtMs: NOW_MS + 3_000 });
  expect(replayOutcomeOf(replayed, NOW_MS + 3_000)).toBe('not refused');
  const actions = actionsOf('replay_started', 'replayed', 'reopened');
  expect(replayOutcomeOf(letterWith({ state: 'quarantined', actions }), NOW_MS)).toBe(
    'refused again',
  );
  const fixed = letterWith({ state: 'quarantined', actions: [...actions, ...actionsOf('fixed')] });
  expect(replayOutcomeOf(fixed, NOW_MS)).toBeUndefined();
});

test('a replayed pulse leads to the usage of its hour, once for each sum', () => {
  const timestamp = '2026-11-29T10:20:30Z';
  const body = [PULSE, { ...PULSE, id: 'b' }, { ...PULSE, used_amount: '-1' }];
  const content = JSON.stringify(body.map((pulse) => ({ ...pulse, timestamp })));
  expect(usageLinks(letterWith({ body: { encoding: 'utf8', content } }), NOW_MS)).toEqual([
    {
      path:
        '/usage?tenant=acme&product_sku=cpu&use_unity=h' +
        '&from=2026-11-29T10%3A00%3A00.000Z&to=2026-11-29T11%3A00%3A00.000Z',
      text: 'Usage of cpu by acme in that hour',
    },
  ]);
  expect(usageLinks(letterWith({ queue: 'orders.enrichment' }), NOW_MS)).toEqual([]);
});

test('the dead letter of an order names it', () => {
  const body = { encoding: 'utf8' as const, content: `{"order_id":"${ORDER}"}` };
  expect(orderOf({ queue: 'prefix.orders.completion', body })).toBe(ORDER);
  expect(orderOf({ queue: 'events', body })).toBeUndefined();
  expect(orderOf({ queue: null, body })).toBeUndefined();
  expect(orderOf({ queue: 'orders.completion', body: { ...body, content: '{' } })).toBeUndefined();
});

test('only what the rules refuse as a whole is said to be refused again', () => {
  const bad = JSON.stringify({ ...PULSE, used_amount: '-1' });
  const letter = letterWith({});
  expect(refusalOf(bad, letter, NOW_MS)).toBe('It will be refused again.');
  expect(refusalOf(`[${bad},${JSON.stringify(PULSE)}]`, letter, NOW_MS)).toBeUndefined();
  expect(refusalOf(bad, letterWith({ queue: 'events' }), NOW_MS)).toBeUndefined();
  const old = JSON.stringify({ ...PULSE, timestamp: '2020-01-01T00:00:00Z' });
  expect(refusalOf(old, letter, NOW_MS)).toBe('It will be refused again, by the default limits.');
});

test('those that wait again are counted until nothing changes, without those that were not sent', async () => {
  const outcome = {
    done: 98,
    leftOut: [['may be forgotten', 2]] as const,
    isStopped: false,
  };
  const counts = [2, 40, 100, 100, 7];
  const again = await waitingAgain(outcome, 100, {
    countNow: () => Promise.resolve(counts.shift() ?? 0),
    wait: () => Promise.resolve(),
  });
  expect([again, counts]).toEqual([98, [7]]);
});

test('a sum has risen by exactly the pulse, or it has not', () => {
  const [pulse] = judgeBody(JSON.stringify(PULSE), letterWith({}), NOW_MS);
  if (pulse?.isCounted !== true) throw new Error('It would count.');
  const noted = { pulse, before: '0.5', replays: 0 };
  expect(['1.5', '1.50'].map((now) => isRaised(noted, now))).toEqual([true, true]);
  // Others count in the same hour.
  expect([undefined, '0.5', '1', '2.5'].map((now) => isRaised(noted, now))).not.toContain(true);
  const actions = actionsOf('replay_started', 'replayed', 'reopened', 'replay_started');
  expect(replaysOf({ actions })).toBe(2);
});

test('another id is noticed in what is JSON, also where the original was none', () => {
  const withId = (id: unknown) => JSON.stringify({ ...PULSE, id });
  expect(idChange(withId('a'), withId('a'))).toBeUndefined();
  expect(idChange(withId('a'), withId('b'))).toEqual({ old: 'a' });
  expect(idChange(withId(undefined), withId('b'))).toEqual({ old: undefined });
  expect(idChange(`${withId('a')},`, withId('a'))).toBeUndefined();
  expect(idChange(`${withId('a')},`, withId('b'))).toEqual({ old: 'a' });
  expect(idChange(withId('a'), `${withId('b')},`)).toBeUndefined();
});
