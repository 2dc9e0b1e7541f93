import { describe, expect, test } from 'vitest';
import { ARRAY_LENGTH_MAX } from '../../src/contract/rules.ts';
import { generateMessages, type MessageOptions } from '../../src/populate/generate-messages.ts';
import { readBody } from '../contract/body-outcomes.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 4, 30);
const OPTIONS: MessageOptions = {
  runId: '6c1f0b5e-2a75-4d7c-9c3b-3f6f1c0d9a11',
  nowMs: NOW_MS,
  count: 2_500,
  pulsesPerMessage: 1,
};

/** The messages as ingest reads them. */
function read(options: Partial<MessageOptions>) {
  const messages = [...generateMessages({ ...OPTIONS, ...options })];
  const outcomes = messages.flatMap(({ body, messageId }) =>
    readBody(body, { messageId, receivedAtMs: NOW_MS }),
  );
  expect(outcomes.filter(({ pulse }) => pulse === undefined)).toEqual([]);
  return { messages, pulses: outcomes.flatMap(({ pulse }) => pulse ?? []) };
}

describe('generateMessages', () => {
  test('makes the same pulses for the same run, however many a message holds', () => {
    const withoutId = (pulse: object) => ({ ...pulse, id: undefined });
    const single = read({}).pulses.map(withoutId);
    expect(single).toHaveLength(2_500);
    expect(read({}).pulses.map(withoutId)).toEqual(single);
    expect(read({ pulsesPerMessage: 7 }).pulses.map(withoutId)).toEqual(single);
    const runId = '0b5e6c1f-2a75-4d7c-9c3b-3f6f1c0d9a11';
    expect(read({ runId }).pulses.map(withoutId)).not.toEqual(single);
  });

  test.each([1, 7, 1_000])('with %i pulses a message, every pulse has an id of its own', (size) => {
    const { messages, pulses } = read({ pulsesPerMessage: size });
    expect(new Set(pulses.map(({ id }) => id)).size).toBe(2_500);
    expect(new Set(messages.map(({ messageId }) => messageId)).size).toBe(messages.length);
  });

  test('fills every message but the last', () => {
    const { messages } = read({ pulsesPerMessage: 1_000 });
    expect(messages.map(({ pulseCount }) => pulseCount)).toEqual([1_000, 1_000, 500]);
    const sizes = messages.map(({ body }) => (JSON.parse(body.toString()) as unknown[]).length);
    expect(sizes).toEqual([1_000, 1_000, 500]);
  });

  test('writes one pulse as an object, and a rest of one as an array', () => {
    const first = (options: Partial<MessageOptions>) =>
      String.fromCharCode(read({ count: 1, ...options }).messages[0]?.body[0] ?? 0);
    expect(first({})).toBe('{');
    expect(first({ pulsesPerMessage: 2 })).toBe('[');
  });

  test('stays far below the limit of a body', () => {
    const { messages } = read({ count: 20_000, pulsesPerMessage: ARRAY_LENGTH_MAX });
    for (const { body } of messages) expect(body.length).toBeLessThan(256 * 1024);
  });

  test('tells what each pulse consists of', () => {
    const told: object[] = [];
    const onPulse: MessageOptions['onPulse'] = ({ tenant, sku, unit, timeMs }) =>
      told.push({ tenant, sku, unit, windowStartSec: Math.floor(timeMs / 3_600_000) * 3_600 });
    const { pulses } = read({ count: 200, pulsesPerMessage: 3, onPulse });
    expect(pulses).toMatchObject(told);
    expect(told).toHaveLength(200);
  });
});
