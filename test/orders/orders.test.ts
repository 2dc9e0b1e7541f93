import { expect, test } from 'vitest';
import { mayBecome, ORDER_STATUSES } from '../../src/orders/orders.ts';

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
