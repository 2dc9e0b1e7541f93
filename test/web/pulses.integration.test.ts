import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from './console-fixture.ts';

const HOSTILE = '<img src=x onerror=alert(1)> \u202eevil \u{1f389}';

test('what flushes wrote is listed, filtered and shown', { timeout: 240_000 }, async () => {
  const { flow, api, open, addUser } = await openConsole();
  const pulses = [pulse('acme', 'cpu', '1.5'), pulse('globex', HOSTILE, '2')];
  expect((await api.post('/pulses', pulses)).status).toBe(202);
  await flow.settled({ counted: 2 });
  await flow.flush();

  const page = await open('/pulses?tz=UTC');
  const table = page.getByRole('region', { name: 'Pulses' });
  await table.getByText(HOSTILE).waitFor();
  await expectAccessible(page);
  await page.getByLabel('Tenant').fill('acme');
  await table.getByText('globex').waitFor({ state: 'hidden' });
  expect(page.url()).toContain('tenant=acme');

  await page.keyboard.press('Escape');
  await table.getByText('acme').click();
  await page.waitForURL(/\/pulses\/\d+\?tz=UTC/);
  await page.getByText('Flush batch').waitFor();
  await page.getByText('1.5', { exact: true }).waitFor();
  await expectAccessible(page);
  await page.goBack();
  await page.goto(`${page.url()}&range=own&from=2999-01-01&to=2998-01-01`);
  await page.getByRole('alert').getByText('to').first().waitFor();

  const viewer = await addUser('globex-billing', 'viewer', 'globex');
  const narrow = await open('/pulses?range=all', { as: viewer, width: 390, colorScheme: 'dark' });
  await narrow.getByRole('region', { name: 'Pulses' }).getByText('globex').waitFor();
  expect(await narrow.getByText('acme').count()).toBe(0);
  await expectAccessible(narrow);
});

const pulse = (tenant: string, sku: string, amount: string) => ({
  tenant,
  product_sku: sku,
  use_unity: 'h',
  used_amount: amount,
});
