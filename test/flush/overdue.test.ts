import { describe, expect, test } from 'vitest';
import type { SealedBatch, ShardBooks } from '../../src/aggregate/accumulator.ts';
import { isFlushOverdue } from '../../src/flush/overdue.ts';

const at = (time: string, day = '2024-03-05'): number => Date.parse(`${day}T${time}Z`);

describe('isFlushOverdue', () => {
  const batch = (openedAt: string, day?: string): SealedBatch => ({
    batchId: '7d0f3c1e-1111-4111-8111-111111111111',
    shard: 0,
    rowCount: 1,
    pulseCount: 1n,
    amount: '100',
    windowMinSec: 0,
    windowMaxSec: 0,
    openedAtSec: at(openedAt, day) / 1000,
  });
  const ask = (books: Pick<ShardBooks, 'live' | 'sealed'>, cron = '0 * * * *'): Promise<boolean> =>
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
      cron,
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
  test('a rare tick is not taken for one that has passed', async () => {
    const sinceMonths = { live: batch('00:00:00', '2023-05-01'), sealed: [] };
    expect(await ask(sinceMonths, '0 0 0 1 5 *')).toBe(false);
    expect(await ask(sinceMonths, '0 0 0 2 5 *')).toBe(true);
  });
  test('an empty Redis is not overdue', async () => {
    expect(await ask({ live: null, sealed: [] })).toBe(false);
  });
});
