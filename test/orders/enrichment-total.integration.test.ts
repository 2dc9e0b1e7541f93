import { expect, test } from 'vitest';
import { useOrdersFixture } from './orders-fixture.ts';

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
