import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { expectAccessible, openConsole } from './console-fixture.ts';

const HOSTILE = '<img src=x onerror=alert(1)> 50%/\u{1f389}';

test(
  'customers, products, prices and units are listed and written',
  { timeout: 240_000 },
  async () => {
    const { api, open, addUser } = await openConsole();
    const page = await open('/catalogue?tz=UTC');
    await page.getByText('There are no such customers.').waitFor();
    await fill(
      page,
      'Add a customer',
      { Id: HOSTILE, Name: 'Acme Inc.', Email: 'no address' },
      'Save',
    );
    // Once, not in the detail, too.
    await page.getByRole('alert').getByText('email').waitFor();
    await expectAccessible(page);
    await page.getByRole('textbox', { name: 'Email' }).fill('billing@acme.example');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('region', { name: 'Customers' }).getByText(HOSTILE).click();
    await page.getByRole('heading', { name: `Customer ${HOSTILE}` }).waitFor();
    await fill(page, 'Edit', { Name: 'Acme & Sons' }, 'Save');
    await page.getByText('Acme & Sons', { exact: true }).waitFor();
    expect(await customerName(api)).toBe('Acme & Sons');

    await page.getByRole('link', { name: 'All customers' }).click();
    await page.getByRole('tab', { name: 'Products' }).click();
    await fill(page, 'Add a product', { SKU: HOSTILE, Name: 'Storage', Unit: 'parsec' }, 'Save');
    await page.getByRole('alert').getByText('add it in the tab Units first').waitFor();
    const unit = page.getByRole('dialog').getByRole('combobox', { name: 'Unit' });
    await unit.fill('GiB');
    await page.getByRole('option', { name: 'GiB', exact: true }).waitFor();
    await expectAccessible(page);
    await unit.fill('GB·h');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByRole('region', { name: 'Products' }).getByText(HOSTILE).click();
    await page.getByText('There are no prices').waitFor();
    const price = { Currency: 'USD', 'Price of one unit': '0.025', 'Valid from': '2026-01-01' };
    await fill(page, 'Add a price', price, 'Add');
    await page.getByText('from 2026-01-01 00:00:00 (UTC) on.').waitFor();
    await fill(page, 'Add a price', { Currency: 'eur', 'Price of one unit': '0.02' }, 'Add');
    await page.getByText('0.02 EUR from 20').waitFor();
    const prices = page.getByRole('region', { name: 'Prices' });
    await prices.getByText('0.025').waitFor();
    await prices.getByText('2026-01-01 00:00:00').waitFor();
    await expectAccessible(page);

    await page.getByRole('link', { name: 'All products' }).click();
    await page.getByRole('tab', { name: 'Units' }).click();
    expect(page.url()).toContain('tab=units');
    await fill(page, 'Add a unit', { Unit: 'dozen', Dimension: 'count', Factor: '12' }, 'Add');
    await page.getByRole('region', { name: 'Units' }).getByText('dozen').waitFor();
    await expectAccessible(page);

    const viewer = await addUser('reader', 'viewer', 'acme');
    const narrow = await open('/catalogue?tab=products', {
      as: viewer,
      width: 390,
      colorScheme: 'dark',
    });
    await narrow.getByRole('region', { name: 'Products' }).getByText(HOSTILE).waitFor();
    await expectAccessible(narrow);
    const add = narrow.getByRole('button', { name: 'Add a product' });
    expect(await add.isDisabled()).toBe(true);
    expect(await add.getAttribute('title')).toBe('Operators of all tenants may do this.');
    await add.press('Enter');
    await narrow.getByRole('status').getByText('Operators of all tenants may do this.').waitFor();
    expect(await narrow.getByRole('dialog').count()).toBe(0);
  },
);

test('whoever comes back to a list goes on from the row', { timeout: 240_000 }, async () => {
  const { api, open } = await openConsole();
  // More than are drawn at once.
  const ids = Array.from({ length: 90 }, (_, index) => `customer-${100 + index}`);
  for (const id of ids) {
    const answer = await api.request(`/customers/${id}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: id }),
    });
    expect(answer.status).toBeLessThan(300);
  }
  const page = await open('/catalogue?tz=UTC');
  const rows = page.locator('[data-row]');
  await rows.first().waitFor();
  for (let index = 0; index <= 70; index += 1) await page.keyboard.press('j');
  const focused = () => page.evaluate('document.activeElement.dataset.key');
  expect(await focused()).toBe(ids[70]);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: `Customer ${ids[70]}` }).waitFor();
  await page.goBack();
  await expect.poll(focused).toBe(ids[70]);
  await page.keyboard.press('j');
  expect(await focused()).toBe(ids[71]);
  // Another way into the list begins at its top.
  await page.getByRole('link', { name: 'Exports' }).click();
  await page.getByRole('link', { name: 'Catalogue' }).click();
  await rows.first().waitFor();
  expect(await focused()).toBeUndefined();
});

/** Opens a dialog, fills in its fields and confirms it. */
async function fill(
  page: Page,
  button: string,
  texts: Readonly<Record<string, string>>,
  confirm: string,
): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).click();
  const dialog = page.getByRole('dialog');
  for (const [label, text] of Object.entries(texts)) {
    const name = new RegExp(`^${label}`);
    const field = dialog.getByRole('textbox', { name });
    await field.or(dialog.getByRole('combobox', { name })).fill(text);
  }
  await dialog.getByRole('button', { name: confirm, exact: true }).click();
}

async function customerName(api: ApiClient): Promise<string> {
  const path = `/customers/${encodeURIComponent(HOSTILE)}`;
  return (await api.request<{ name: string }>(path)).body.name;
}
