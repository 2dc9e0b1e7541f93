import { expect, test } from 'vitest';
import { mayBecome, mayBeChangedBy, ORDER_STATUSES } from '../../src/orders/orders.ts';

test('an order moves only along the allowed transitions', () => {
  const allowed = ORDER_STATUSES.flatMap((from) =>
    ORDER_STATUSES.filter((to) => mayBecome(from, to)).map((to) => `${from} → ${to}`),
  );
  expect(allowed).toEqual([
    'pending → processing',
    'pending → failed',
    'processing → completed',
    'processing → failed',
    'failed → processing',
  ]);
});

test('nothing changes a completed order, and only a replay one that has failed', () => {
  const changed = (replayId: string | undefined) =>
    ORDER_STATUSES.filter((status) => mayBeChangedBy({ replayId }, status));
  expect(changed(undefined)).toEqual(['pending', 'processing']);
  expect(changed('r-1')).toEqual(['pending', 'processing', 'failed']);
});
