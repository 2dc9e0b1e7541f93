import { expect, test } from 'vitest';
import { doubtsOf, judgeBody } from '../../web/src/pages/dead-letters/judge-body.ts';

const NOW = Date.parse('2026-11-29T12:00:00Z');
const ORIGIN = {
  id: '811719b0-0ed5-839c-8074-cfaaddf988b6',
  message_id: 'message-7',
  pulse_index: null,
  properties: {},
  received_at: '2026-11-29T11:30:00.400Z',
};
const PULSE = '{"tenant":"acme","product_sku":"cpu","use_unity":"h","used_amount":';

test('a pulse counts with its exact amount, under the identity of its message, when it arrived', () => {
  expect(judgeBody(`${PULSE}"123456789012345.123456789"}`, ORIGIN, NOW)).toEqual([
    {
      ...{ isCounted: true, tenant: 'acme', sku: 'cpu', unit: 'h' },
      amount: '123456789012345.123456789',
      usedAt: new Date('2026-11-29T11:30:00Z'),
      ...{ id: 'message-7', addedBefore: '0', isRepeat: false },
    },
  ]);
});

test('its own id, its place in an array and the time of its message are kept', () => {
  const idOf = (text: string, origin: object) => {
    const [judged] = judgeBody(text, { ...ORIGIN, ...origin }, NOW);
    return judged?.isCounted === true ? `${judged.id} ${judged.usedAt.toISOString()}` : undefined;
  };
  const time = { properties: { timestampSec: 1_795_950_000 } };
  expect(idOf(`${PULSE}1,"id":"own"}`, time)).toBe('own 2026-11-29T11:00:00.000Z');
  expect(idOf(`${PULSE}1}`, { pulse_index: 3 })).toMatch(/^message-7#3 /);
  expect(idOf(`${PULSE}1}`, { message_id: null })).toMatch(/^dead-letter:811719b0-/);
});

test('each element of an array is judged, and a refused one says why', () => {
  const judged = judgeBody(`[${PULSE}1},${PULSE}-1},7,${PULSE}0.12345678901234567}]`, ORIGIN, NOW);
  expect(judged.map((one) => (one.isCounted ? one.id : one.reason))).toEqual([
    'message-7#0',
    'amount_not_positive',
    'not_an_object',
    'amount_too_precise',
  ]);
  expect(judgeBody('{"tenant":', ORIGIN, NOW)).toMatchObject([{ reason: 'malformed_json' }]);
  expect(judgeBody('[]', ORIGIN, NOW)).toMatchObject([{ reason: 'empty_array' }]);
});

test('pulses of one body for the same sum add up, and one id counts once', () => {
  const used = '"2026-11-29T11:00:00Z"';
  const pulse = (amount: string, id: string, at = used) =>
    `${PULSE}${amount},"id":"${id}","timestamp":${at}}`;
  const body = [
    ...[pulse('1.5', 'a'), pulse('2', 'b'), pulse('7', 'a'), pulse('4', 'c')],
    ...[pulse('8', 'd', '"2026-11-29T10:00:00Z"'), pulse('-1', 'e'), pulse('16', 'f')],
  ];
  const judged = judgeBody(`[${body.join(',')}]`, ORIGIN, NOW);
  expect(judged.map((one) => one.isCounted && [one.addedBefore, one.isRepeat])).toEqual([
    ...[
      ['0', false],
      ['1.5', false],
      ['3.5', true],
      ['3.5', false],
    ],
    ...[['0', false], false, ['7.5', false]],
  ]);
});

test('it says what may keep a replay from changing anything', () => {
  const known = { reason: 'invalid_id', state: 'quarantined' } as const;
  const letter = { ...known, maybe_counted_since: null };
  expect(doubtsOf(letter)).toEqual([]);
  const counted = [expect.stringContaining('If it was counted before, nothing changes.')];
  expect(doubtsOf({ ...letter, state: 'replayed' })).toEqual(counted);
  expect(doubtsOf({ ...letter, maybe_counted_since: ORIGIN.received_at })).toEqual(counted);
  expect(doubtsOf({ ...letter, reason: 'no_subscription' })).toEqual([
    expect.stringContaining('only if there is one'),
  ]);
  expect(doubtsOf({ ...letter, reason: 'timestamp_too_old' })).toEqual([
    expect.stringContaining('by the default limits'),
  ]);
});
