import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from './console-fixture.ts';

test('shows what a tenant used', async () => {
  const { flow, api, open } = await openConsole();
  const sent = await api.post('/pulses', {
    tenant: 'acme',
    product_sku: 'cpu',
    use_unity: 'h',
    used_amount: '123456789012345.123456789',
  });
  expect(sent.status).toBe(202);
  await flow.settled({ counted: 1 });
  const page = await open('/usage?tenant=acme');
  await page.getByText('123\u202f456\u202f789\u202f012\u202f345.123456789').waitFor();
  await expectAccessible(page);
  await page.screenshot({ path: '/tmp/w/usage.png' });
});
