import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { expectAccessible, openConsole, typeIntoDialog } from './console-fixture.ts';

const HOSTILE = `<img src=x onerror="alert(1)"> \u202Eevil 🚀`;

test('an order is created, priced, and replayed after a failure', async () => {
  const { api, open } = await openConsole();
  await put(api, 'customers/123', { name: HOSTILE, tenant: 'acme' });
  await addProduct(api, 'ABC', '12345678901.123456789');

  const page = await open('/orders');
  await page.getByText('There are no such orders.').waitFor();
  await addUnknownCustomer(page);
  await typeIntoDialog(page, 'New order', '123');
  const dialog = page.getByRole('dialog');
  expect(await dialog.getByRole('combobox', { name: 'Customer' }).inputValue()).toBe('123');
  await dialog.getByRole('button', { name: 'Order', exact: true }).click();
  await dialog.getByRole('alert').getByText('SKU 1 is missing.').waitFor();
  await dialog.getByRole('combobox', { name: 'SKU 1' }).fill('a');
  await page.getByRole('option', { name: 'ABC', exact: true }).click();
  await dialog.getByLabel('Quantity 1').fill('2');
  await dialog.getByRole('button', { name: 'Add an item' }).click();
  await dialog.getByRole('combobox', { name: 'SKU 2' }).fill('MISSING');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Order', exact: true }).click();

  await page.getByText('It failed: unknown_sku').waitFor();
  await page.getByText('There is no product "MISSING".').first().waitFor();
  await page.getByRole('link', { name: 'order.failed, number 1' }).waitFor();
  const orderUrl = page.url();
  await expectAccessible(page);

  await page.getByRole('link', { name: 'Add the product MISSING' }).click();
  expect(await dialog.getByLabel('SKU').inputValue()).toBe('MISSING');
  await dialog.getByLabel('Name').fill(HOSTILE);
  await dialog.getByRole('combobox', { name: 'Unit' }).fill('count');
  await page.getByRole('option', { name: 'count', exact: true }).click();
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByRole('region', { name: 'Products' }).getByText('MISSING').waitFor();
  await page.goto(orderUrl);
  await page.getByRole('link', { name: 'Its dead letter' }).click();
  await page.getByText('The message never works as things are.').waitFor();
  await replay(page);
  await page.getByText('Refused again: message_impossible.').first().waitFor();

  await page.getByRole('link', { name: new URL(orderUrl).pathname.split('/').at(-1)! }).click();
  await page.getByText('It failed: no_price').waitFor();
  await page.getByRole('link', { name: 'Add a price to the product MISSING' }).waitFor();
  await addProduct(api, 'MISSING', '1');
  await page.getByRole('link', { name: 'Its dead letter' }).click();
  await replay(page);
  await page.getByText('It was sent and not refused again so far.').waitFor();
  await page.getByRole('button', { name: 'Replay again' }).waitFor();

  await page.goto(orderUrl);
  const history = page.getByRole('list', { name: 'History' });
  await expect.poll(() => history.textContent(), { timeout: 20_000 }).toContain('completed');
  expect(await history.textContent()).toContain('processing: replayed');
  const items = page.getByRole('region', { name: 'Items' });
  await expect
    .poll(() => items.textContent())
    .toContain('24\u202f691\u202f357\u202f802.246913578 USD');
  expect(await items.textContent()).toContain('24\u202f691\u202f357\u202f803.246913578 USD');

  await page.setViewportSize({ width: 390, height: 900 });
  await expectAccessible(page);
  await page.goto(`${new URL(orderUrl).origin}/console/orders?status=completed&customer_id=123`);
  await page.locator('[data-row]').waitFor();
  await expectAccessible(page);
}, 120_000);

/** Orders for somebody whom the catalogue does not have, and follows the link of the failure. */
async function addUnknownCustomer(page: Page): Promise<void> {
  const ordersUrl = page.url();
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'New order' }).click();
  // It suggests, and takes what it does not know.
  await dialog.getByRole('combobox', { name: 'Customer' }).fill('1');
  await page.getByRole('option', { name: '123', exact: true }).waitFor();
  await dialog.getByRole('combobox', { name: 'Customer' }).fill('nobody & co');
  await dialog.getByRole('combobox', { name: 'SKU 1' }).fill('ABC');
  await dialog.getByRole('button', { name: 'Order', exact: true }).click();
  await page.getByRole('link', { name: 'Add the customer nobody & co' }).click();
  expect(await dialog.getByLabel('Id').inputValue()).toBe('nobody & co');
  await dialog.getByLabel('Name').fill(HOSTILE);
  await dialog.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Customer nobody & co is saved.').waitFor();
  await page.goto(ordersUrl);
  await page.locator('[data-row]').waitFor();
}

async function replay(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Replay as it is' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('It goes to the queue').waitFor();
  await dialog.getByRole('button', { name: 'Replay' }).click();
}

async function addProduct(api: ApiClient, sku: string, price: string): Promise<void> {
  await put(api, `products/${sku}`, { name: HOSTILE, unit: 'count' });
  const valid_from = '2020-01-01T00:00:00Z';
  const body = { currency: 'USD', unit_amount: price, valid_from };
  expect((await api.post(`/products/${sku}/prices`, body)).status).toBe(201);
}

async function put(api: ApiClient, path: string, body: object): Promise<void> {
  const answer = await api.request(`/${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBeLessThan(300);
}
