import { describe, expect, test } from 'vitest';
import type { SealedBatch, ShardBooks } from '../../src/aggregate/accumulator.ts';
import { createTickCounter, isFlushOverdue, tickedBetween } from '../../src/flush/overdue.ts';

const at = (text: string): number => Date.parse(`2024-03-05T${text}Z`);

describe('tickedBetween', () => {
  test.each([
    ['0 * * * *', '10:59:59', '11:00:00', true],
    ['0 * * * *', '11:00:00', '11:59:59', false],
    ['0 * * * *', '10:59:59', '10:59:59', false],
    ['*/15 * * * *', '10:01:00', '10:14:59', false],
    ['*/15 * * * *', '10:01:00', '10:15:01', true],
    ['30 0 10 * * *', '10:00:29', '10:00:30', true],
    ['30 0 10 * * *', '10:00:30', '10:00:59', false],
  ])('"%s" between %s and %s: %s', (cron, after, until, expected) => {
    expect(tickedBetween(cron, at(after), at(until))).toBe(expected);
  });

  test('a search that would take too long says yes, because an early flush is harmless', () => {
    expect(tickedBetween('0 0 29 2 *', Date.parse('2021-01-01'), Date.parse('2023-01-01'))).toBe(
      true,
    );
  });
});

describe('the counter of ticks', () => {
  test('counts from the opening of the oldest sum, and starts over when another sum is the oldest', () => {
    const ticks = createTickCounter('0 * * * *');
    const counts = (
      [
        [undefined, '10:30:00', 0],
        [at('10:30:00'), '10:59:59', 0],
        [at('10:30:00'), '11:00:00', 1],
        [at('10:30:00'), '11:00:30', 1],
        [at('10:30:00'), '13:10:00', 3],
        [at('13:05:00'), '13:11:00', 0],
        [at('13:05:00'), '14:00:00', 1],
        [undefined, '14:01:00', 0],
        [at('11:59:59'), '14:02:00', 3],
      ] as const
    ).map(([since, now, expected]) => ({ now, count: ticks.count(since, at(now)), expected }));
    for (const { now, count, expected } of counts) expect(count, now).toBe(expected);
    ticks.close();
  });
});

describe('isFlushOverdue', () => {
  const batch = (openedAt: string): SealedBatch => ({
    batchId: '7d0f3c1e-1111-4111-8111-111111111111',
    shard: 0,
    rowCount: 1,
    pulseCount: 1n,
    amount: '100',
    windowMinSec: 0,
    windowMaxSec: 0,
    openedAtSec: at(openedAt) / 1000,
  });
  const ask = (books: Pick<ShardBooks, 'live' | 'sealed'>): Promise<boolean> =>
    isFlushOverdue({
      accumulator: {
        shards: 1,
        readBooks: (shard) =>
          Promise.resolve({
            shard,
            epoch: null,
            appended: 1n,
            journalled: 0n,
            journalBytes: 0,
            journalSinceMs: null,
            isLeased: false,
            counted: 1n,
            duplicates: 0n,
            seenIdCount: 0,
            ...books,
          }),
      },
      cron: '0 * * * *',
      nowMs: at('11:20:00'),
    });

  test('a leftover is overdue', async () => {
    expect(await ask({ live: null, sealed: [batch('11:10:00')] })).toBe(true);
  });
  test('pulses counted before the last tick are overdue', async () => {
    expect(await ask({ live: batch('10:59:00'), sealed: [] })).toBe(true);
  });
  test('pulses counted since the last tick are not overdue', async () => {
    expect(await ask({ live: batch('11:00:01'), sealed: [] })).toBe(false);
  });
  test('an empty Redis is not overdue', async () => {
    expect(await ask({ live: null, sealed: [] })).toBe(false);
  });
});
