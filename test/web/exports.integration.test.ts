import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from './console-fixture.ts';

const TENANT = '<img src=x onerror=alert(1)> \u{1f389}';

test('an export is requested, followed, downloaded and deleted', { timeout: 240_000 }, async () => {
  const { flow, api, open, addUser } = await openConsole();
  const used = { product_sku: 'cpu', use_unity: 'h', used_amount: '123456789012345.5' };
  expect((await api.post('/pulses', [{ tenant: TENANT, ...used }])).status).toBe(202);
  await flow.settled({ counted: 1 });

  const page = await open('/exports?tz=Europe%2FBerlin');
  await page.getByText('There are no such exports.').waitFor();
  // Counted and not flushed.
  await page.getByRole('button', { name: 'New export' }).click();
  await page.getByRole('button', { name: 'Request the export' }).click();
  await page.getByRole('alert').getByText('It has no rows').waitFor();
  const coverage = page.getByTestId('coverage');
  await expect.poll(() => coverage.textContent()).toMatch(/what was flushed through .* by /);
  await expectAccessible(page);
  await coverage.getByRole('link', { name: 'Usage' }).click();
  await page.getByRole('region', { name: 'Usage' }).getByText('123\u202f456').first().waitFor();
  await flow.flush();
  await page.goBack();
  await page.getByRole('link', { name: 'All exports' }).click();
  await page.getByRole('button', { name: 'New export' }).click();
  await page.getByRole('textbox', { name: 'window' }).fill('week');
  await page.getByRole('textbox', { name: 'group_by' }).fill('tenant, product_sku');
  await page.getByRole('button', { name: 'Request the export' }).click();
  await page.getByRole('alert').getByText('parameters.window').first().waitFor();
  await expectAccessible(page);
  await page.getByRole('textbox', { name: 'window' }).fill('day');
  await page.getByRole('button', { name: 'Request the export' }).click();

  await page.waitForURL(/\/exports\/[0-9a-f-]{36}/);
  await page.getByText('Sum in h').waitFor();
  await page.getByText('123\u202f456\u202f789\u202f012\u202f345.5', { exact: true }).waitFor();
  await page.getByLabel('Manifest', { exact: true }).getByText('"sha256"').waitFor();
  expect(await page.getByLabel('Parameters').textContent()).toContain('"tz": "Europe/Berlin"');
  await expectAccessible(page);
  const file = await saved(page, page.getByRole('link', { name: 'Download' }));
  expect(file).toContain('123456789012345.5');
  expect(file).toContain(TENANT);
  expect(await coverage.textContent()).toContain('not flushed by then, is not in it');
  expect(await page.getByText('It has no rows').count()).toBe(0);
  const manifest = await saved(page, page.getByRole('button', { name: 'Download the manifest' }));
  expect(JSON.parse(manifest)).toMatchObject({ report: 'usage', rows: 1 });

  await page.getByRole('button', { name: 'Delete the file' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete the file' }).click();
  await page.getByText('expired', { exact: true }).waitFor();
  await page.getByRole('link', { name: 'All exports' }).click();
  const table = page.getByRole('region', { name: 'Exports' });
  await expect.poll(() => table.getByText('usage').count()).toBe(2);
  await expectAccessible(page);

  const viewer = await addUser('acme-billing', 'viewer', 'acme');
  const narrow = await open('/exports', { as: viewer, width: 390, colorScheme: 'dark' });
  await narrow.getByText('There are no such exports.').waitFor();
  await expectAccessible(narrow);
});

async function saved(page: Page, button: { click(): Promise<void> }): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return readFile(await download.path(), 'utf8');
}
