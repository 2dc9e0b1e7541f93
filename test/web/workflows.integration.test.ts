import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { Page, Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, openConsole, type ConsoleTest } from './console-fixture.ts';

const HOSTILE = '<img src=x onerror=alert(1)> \u202eevil \u{1f389}';

test('a workflow is shown, consumed and put back', { timeout: 240_000 }, async () => {
  const { origin, api, open } = await openConsole();
  const data = `[{"sku": "${HOSTILE}", "hours": 1.50, "big": 12345678901234567890}]`;
  await insert({ api }, `{"data": ${data}, "steps": ["price", "${HOSTILE}"]}`);
  await insert({ api }, '{"data": {"sku": "disk"}, "steps": ["invoice"]}');

  const page = await open('/workflows?tz=UTC');
  const table = page.getByRole('region', { name: 'Workflows' });
  await table.getByText('invoice').waitFor();
  await expectAccessible(page);
  await page.route('**/api/v1/workflow', answerSlowly);
  await insert({ api }, '{"data": 1, "steps": ["late"]}');
  await table.getByText('late').waitFor();
  await page.unroute('**/api/v1/workflow');
  await focusUnderHeader(page);
  await page.getByLabel('Step').fill('price');
  await table.getByText('invoice').waitFor({ state: 'hidden' });
  await table.getByText(HOSTILE).click();

  await page.waitForURL(/\/workflows\/[0-9a-f-]{36}\?tz=UTC/);
  const shown = page.getByLabel('Data');
  await shown.getByText('"hours": 1.50,').waitFor();
  await shown.getByText('"big": 12345678901234567890').waitFor();
  await page.getByText('waits in the queue').waitFor();
  await expectAccessible(page);

  await page.getByRole('button', { name: 'Mark as consumed' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Mark as consumed' }).click();
  await page.getByText('consumed', { exact: true }).waitFor();
  const csv = await saved(page, 'Download CSV');
  expect(csv).toContain('1.50');
  expect(csv).toContain(HOSTILE);
  await page.getByRole('button', { name: 'Put back into the queue' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Put back' }).click();
  await page.getByText('waits in the queue').waitFor();

  await page.goto(`${origin}/console/workflows?status=consumed&tz=UTC`);
  await page.getByText('There are no such workflows.').waitFor();
  await page.getByRole('button', { name: 'Consume the next' }).click();
  const next = await saved(page, 'Consume');
  expect(next).toContain('sku');
  await table.getByText('consumed', { exact: true }).waitFor();
});

test('a viewer sees no workflow of others', { timeout: 240_000 }, async () => {
  const { api, open, addUser } = await openConsole();
  await insert({ api }, '{"data": 1, "steps": ["invoice"]}');
  const viewer = await addUser('acme-billing', 'viewer', 'acme');
  const page = await open('/workflows', { as: viewer, width: 390, colorScheme: 'dark' });
  await page.getByText('There are no such workflows.').waitFor();
  await expectAccessible(page);
});

/** More slowly than the page asks again. */
async function answerSlowly(route: Route): Promise<void> {
  await delay(3_000);
  await route.continue();
}

async function insert({ api }: Pick<ConsoleTest, 'api'>, body: string): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const { status } = await api.request('/workflow', { method: 'POST', headers, body });
  expect(status).toBe(201);
}

async function saved(page: Page, button: string): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button, exact: true }).click(),
  ]);
  return readFile(await download.path(), 'utf8');
}

/** Where a table is so low that it scrolls, going up must not end below its header. */
async function focusUnderHeader(page: Page): Promise<void> {
  await page.setViewportSize({ width: 1_280, height: 320 });
  for (const key of ['j', 'j', 'k']) await page.keyboard.press(key);
  const header = (await page.locator('thead').boundingBox())!;
  const row = (await page.locator('[data-row]:focus').boundingBox())!;
  expect(row.y).toBeGreaterThanOrEqual(header.y + header.height - 1);
  await page.setViewportSize({ width: 1_280, height: 900 });
}
