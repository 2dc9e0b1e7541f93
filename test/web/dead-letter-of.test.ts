import { expect, test } from 'vitest';
import { productPath, repairOf } from '../../web/src/pages/orders/cause.ts';
import {
  failureSpans,
  findDeadLetter,
  type Span,
} from '../../web/src/pages/orders/dead-letter-of.ts';

const HOUR_MS = 3_600_000;
const BEGIN_MS = Date.parse('2026-11-01T00:00:00Z');
const at = (hour: number) => new Date(BEGIN_MS + hour * HOUR_MS).toISOString();

interface Letter {
  readonly id: string;
  readonly hour: number;
  readonly order?: string;
  readonly queue?: string;
  readonly state?: 'quarantined' | 'replayed' | 'discarded';
}

/** An API with these dead letters, newest first. */
function readsOf(letters: readonly Letter[]) {
  return {
    list: ({ from, to }: Span) =>
      Promise.resolve(
        letters
          .filter(({ hour }) => at(hour) >= from && at(hour) < to)
          .map(({ id, queue = 'orders.enrichment', state = 'quarantined' }) => ({
            ...{ id, queue, state },
          })),
      ),
    body: (id: string) => {
      const order = letters.find((letter) => letter.id === id)?.order ?? 'mine';
      return Promise.resolve({
        encoding: 'utf8' as const,
        content: JSON.stringify({ order_id: order }),
      });
    },
  };
}

function failedAt(...hours: readonly number[]) {
  const history = hours.map((hour, index) => ({
    ...{ status: 'failed' as const, at: at(hour), version: index + 1, reason: 'no_price' },
    detail: null,
  }));
  return { id: 'mine', history, updated_at: at(hours.at(-1) ?? 0) };
}

test('a dead letter that was refused again is found by the time at which it first came', async () => {
  const letters = [
    { id: 'other', hour: 9, order: 'another' },
    { id: 'first', hour: 1 },
  ];
  expect(await findDeadLetter(failedAt(1, 9), readsOf(letters))).toBe('first');
});

test('the one that waits comes before one that was replayed, and one of another queue is none', async () => {
  const letters: readonly Letter[] = [
    { id: 'pulse', hour: 9, queue: 'invoices' },
    { id: 'replayed', hour: 9, state: 'replayed' },
    { id: 'waits', hour: 1 },
  ];
  expect(await findDeadLetter(failedAt(1, 9), readsOf(letters))).toBe('waits');
  expect(await findDeadLetter(failedAt(9), readsOf(letters))).toBe('replayed');
  expect(await findDeadLetter(failedAt(20), readsOf(letters))).toBeNull();
});

test('of many failures, the newest and the first are looked at first, and not all', () => {
  const hours = Array.from({ length: 12 }, (_, hour) => hour + 1);
  const found = failureSpans(failedAt(...hours)).map(({ from }) => Date.parse(from) - BEGIN_MS);
  expect(found.map((ms) => Math.ceil(ms / HOUR_MS))).toEqual([12, 1, 11, 10, 9]);
  expect(failureSpans(failedAt(3))).toHaveLength(1);
});

test('the cause of a failure is repaired where the product or the customer is', () => {
  const items = [
    { sku: 'a', qty: 1 },
    { sku: 'a/b', qty: 1 },
  ];
  const repair = (code: string, detail: string) =>
    repairOf({ customer_id: 'acme', items, failure: { code, detail } });
  expect(repair('unknown_sku', 'There is no product "a/b".')?.path).toBe(
    '/catalogue?tab=products&add=a%2Fb',
  );
  expect(repair('no_price', 'Product "a/b" has no price in USD at present.')?.path).toBe(
    productPath('a/b'),
  );
  expect(repair('unknown_customer', 'There is no customer "acme".')?.path).toBe(
    '/catalogue?tab=customers&add=acme',
  );
  expect(repair('attempts_exhausted', 'Five attempts failed.')).toBeUndefined();
});
