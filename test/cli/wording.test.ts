import { expect, test } from 'vitest';
import { count, describeAge, toSnakeCase } from '../../src/cli/wording.ts';

test.each([
  [count(0, 'row'), '0 rows'],
  [count(1, 'batch'), '1 batch'],
  [count(2, 'batch'), '2 batches'],
  [count(1n, 'pulse'), '1 pulse'],
  [count(1_234_567n, 'pulse'), '1,234,567 pulses'],
  [count(2, 'entry', 'entries'), '2 entries'],
])('the noun agrees with its count: %s', (text, expected) => {
  expect(text).toBe(expected);
});

test.each([
  [0, '0 s ago'],
  [59, '59 s ago'],
  [60, '1 min ago'],
  [18 * 60 + 59, '18 min ago'],
  [119 * 60, '119 min ago'],
  [2 * 3_600, '2 h ago'],
  [47 * 3_600, '47 h ago'],
  [48 * 3_600, '2 days ago'],
  [-90, 'in 1 min'],
  [-89 * 86_400, 'in 89 days'],
])('an instant of %d seconds before is described as %s', (seconds, expected) => {
  const nowMs = Date.UTC(2026, 0, 31);
  expect(describeAge(new Date(nowMs - seconds * 1000), nowMs)).toBe(expected);
});

test('names become snake_case at every depth, and values stay', () => {
  const at = new Date(0);
  expect(toSnakeCase({ perShard: [{ shardId: 1n, at }], pid: null, RABBITMQ: 'aB' })).toEqual({
    per_shard: [{ shard_id: 1n, at }],
    pid: null,
    RABBITMQ: 'aB',
  });
});
