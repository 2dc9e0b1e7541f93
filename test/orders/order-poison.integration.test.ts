/** Messages that no order handler can process, and changes of the catalogue while an order is in progress. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { AGREE, useOrdersFixture, WAIT } from './orders-fixture.ts';

const { fixture, becomes } = useOrdersFixture();

/** Of a body that is small enough to be parsed. */
const DEPTH = 30_000;
const POISON: readonly (readonly [string, Buffer])[] = [
  ['no JSON', Buffer.from('{"order_id"')],
  ['bytes that are no UTF-8', Buffer.from([0xff, 0xfe])],
  ['an empty body', Buffer.alloc(0)],
  ['null', Buffer.from('null')],
  ['a number as id', Buffer.from('{"order_id": 7}')],
  ['an id that is no UUID', Buffer.from('{"order_id": "7"}')],
  ['an unknown order', Buffer.from(JSON.stringify({ order_id: randomUUID() }))],
  ['an array', Buffer.from('[{"order_id": "7"}]')],
  ['deep nesting', Buffer.from('['.repeat(DEPTH) + ']'.repeat(DEPTH))],
];

describe.each(['processing', 'enrichment', 'completion'])('queue orders.%s', (name) => {
  test('quarantines each message that it cannot handle, and continues', async () => {
    const queue = `${fixture.prefix}orders.${name}`;
    const ids = await Promise.all(
      POISON.map(async ([, body]) => {
        const messageId = randomUUID();
        await fixture.publish({ exchange: '', routingKey: queue, body, messageId });
        return messageId;
      }),
    );
    const { customerId, sku } = await fixture.newOffer();
    await becomes(await fixture.order(customerId, [{ sku, qty: 1 }]), 'completed');
    const seen: unknown[] = [];
    await expect
      .poll(async () => {
        const letter = await fixture.takeDeadLetter();
        if (letter !== false) {
          expect(letter.properties.headers).toMatchObject({
            'x-pulse-queue': queue,
            'x-pulse-reason': 'message_impossible',
          });
          seen.push(letter.properties.messageId);
        }
        return seen.length;
      }, WAIT)
      .toBe(POISON.length);
    expect(new Set(seen)).toEqual(new Set(ids));
  });

  test('is not blocked by a message id with a NUL, which Postgres cannot store', async () => {
    const queue = `${fixture.prefix}orders.${name}`;
    await fixture.publish({
      exchange: '',
      routingKey: queue,
      body: Buffer.from('no JSON'),
      messageId: 'bad\u0000id',
    });
    await expect
      .poll(() => fixture.outcomes, WAIT)
      .toContainEqual([`orders.${name}`, 'impossible']);
    await expect
      .poll(() => fixture.takeDeadLetter(), WAIT)
      .toMatchObject({ properties: { headers: { 'x-pulse-queue': queue } } });
  });
});

describe('while the service prepares its answer', () => {
  /** An order whose enrichment has failed once, and waits for its retry. */
  async function waitingOrder(offer: { customerId: string; sku: string }) {
    fixture.service.answerWith((_request, response) => void response.writeHead(503).end());
    const id = await fixture.order(offer.customerId, [{ sku: offer.sku, qty: 2 }]);
    await expect
      .poll(() => fixture.outcomes, WAIT)
      .toContainEqual(['orders.enrichment', 'retried']);
    fixture.service.answerWith(AGREE);
    return id;
  }

  test('a customer that is removed makes the order fail', async () => {
    const offer = await fixture.newOffer();
    const id = await waitingOrder(offer);
    await fixture.pool.query('DELETE FROM customers WHERE id = $1', [offer.customerId]);
    await fixture.hurry();
    await becomes(id, 'failed');
    expect((await fixture.read(id))?.failure?.code).toBe('unknown_customer');
    await expect.poll(() => fixture.takeDeadLetter(), WAIT).not.toBe(false);
  });

  test('a price that changes is charged as it was at the enrichment', async () => {
    const offer = await fixture.newOffer({ unitAmount: '2.5' });
    const id = await waitingOrder(offer);
    await fixture.pool.query(
      `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
       VALUES ($1, 'EUR', 3, now(), 'test')`,
      [offer.sku],
    );
    await fixture.hurry();
    await becomes(id, 'completed');
    expect((await fixture.read(id))?.totalAmount).toBe('6');
  });
});

test('a total beyond numeric(38,9) makes the order fail as amount_out_of_range', async () => {
  const steps = [{ up_to: null, unit_amount: '9'.repeat(29) }];
  const { customerId, sku } = await fixture.newOffer({ tiers: { mode: 'graduated', steps } });
  const id = await fixture.order(customerId, [{ sku, qty: 1_000_000 }]);
  await becomes(id, 'failed');
  expect((await fixture.read(id))?.failure?.code).toBe('amount_out_of_range');
  await expect.poll(() => fixture.takeDeadLetter(), WAIT).not.toBe(false);
});
