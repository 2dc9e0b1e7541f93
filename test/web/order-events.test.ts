import { expect, test } from 'vitest';
import { findEvents, type EventsQuery } from '../../web/src/pages/orders/order-events.ts';

const HOUR_MS = 3_600_000;
const BEGIN_MS = Date.parse('2026-11-01T00:00:00Z');
const at = (hour: number) => new Date(BEGIN_MS + hour * HOUR_MS).toISOString();

/** One event an hour: number 1 in hour 0. Every 500th is about the order. */
const MESSAGES = Array.from({ length: 5_000 }, (_, hour) => ({
  number: hour + 1,
  type: hour === 500 ? 'order.failed' : 'order.completed',
  stored_at: at(hour),
  data: { order_id: hour % 500 === 0 ? 'mine' : 'another' },
}));

/** As the API answers when `after` is a number. */
function read({ type, from, after, limit }: EventsQuery) {
  const data = MESSAGES.filter(
    (message) =>
      message.type === type && message.stored_at >= from && message.number > Number(after),
  ).slice(0, limit);
  return Promise.resolve({ data, next: String(data.at(-1)?.number ?? after) });
}

const ending = (status: 'completed' | 'failed', hour: number, version: number) => ({
  ...{ status, at: at(hour), version, reason: status, detail: null },
});

test('the events of an old order are found, however many came after them', async () => {
  const history = [ending('failed', 500, 3), ending('completed', 1_000, 6)];
  const found = await findEvents({ id: 'mine', customer_id: '123', history }, read);
  expect(found.map(({ number }) => number)).toEqual([501, 1_001]);
});

test('an event that was stored late is found, and no event twice', async () => {
  const history = [ending('completed', 1_250, 3), ending('completed', 1_251, 6)];
  const found = await findEvents({ id: 'mine', customer_id: '123', history }, read);
  expect(found.map(({ number }) => number)).toEqual([1_501]);
});

test('an order that nobody was told about has no event', async () => {
  const history = [ending('completed', 1_250, 3)];
  expect(await findEvents({ id: 'other', customer_id: '123', history }, read)).toEqual([]);
});
