import { expect, test } from 'vitest';
import { AGREE, useOrdersFixture, WAIT } from './orders-fixture.ts';

const { fixture, becomes } = useOrdersFixture();

test('the enrichment service is told the total by the tiers of the month, as the order gets it', async () => {
  const steps = [
    { up_to: 10, unit_amount: '1' },
    { up_to: null, unit_amount: '0.5' },
  ];
  const { customerId, sku } = await fixture.newOffer({ tiers: { mode: 'graduated', steps } });
  for (const total of ['11', '6']) {
    const id = await fixture.order(customerId, [{ sku, qty: 12 }]);
    await becomes(id, 'completed');
    expect((await fixture.read(id))?.totalAmount).toBe(total);
    expect(fixture.service.bodies.at(-1)).toMatchObject({ order_id: id, total_amount: total });
  }
});

test('the enrichment service is told the same by every attempt, whatever price starts in between', async () => {
  fixture.service.answerWith((_request, response) => void response.writeHead(503).end());
  const { customerId, sku } = await fixture.newOffer();
  const id = await fixture.order(customerId, [{ sku, qty: 2 }]);
  await expect.poll(() => fixture.outcomes, WAIT).toContainEqual(['orders.enrichment', 'retried']);
  const [first] = fixture.service.bodies;
  await fixture.pool.query(
    `INSERT INTO prices (sku, currency, unit_amount, valid_from, created_by)
     VALUES ($1, 'EUR', 99, now(), 'test')`,
    [sku],
  );
  fixture.service.answerWith(AGREE);
  await fixture.hurry();
  await becomes(id, 'completed');
  expect(fixture.service.bodies).toEqual([first]);
  expect((await fixture.read(id))?.totalAmount).toBe('5');
});
