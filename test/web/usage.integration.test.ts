import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from './console-fixture.ts';

/** All in one hour. */
const USED_AT = new Date().toISOString();
const AMOUNT = '123456789012345.123456789';
const SHOWN = '123\u202f456\u202f789\u202f012\u202f345.123456789';
const HOSTILE = '<img src=x onerror=alert(1)> \u202eevil \u{1f389}';

test(
  'usage is drawn, listed, explained, downloaded and exported',
  { timeout: 240_000 },
  async () => {
    const { flow, api, open, addUser } = await openConsole();
    await send(api, [pulse('acme', 'cpu', 'h', AMOUNT), pulse('globex', 'disk', 'GB', '2')]);
    await flow.settled({ counted: 2 });
    await flow.flush();
    await send(api, [pulse('acme', 'cpu', 'h', '1'), pulse(HOSTILE, HOSTILE, 'GB', '3')]);
    await flow.settled({ counted: 4 });

    const page = await open('/usage?group_by=tenant,product_sku&tz=UTC');
    const table = page.getByRole('region', { name: 'Usage' });
    await table
      .getByText('2 pulses')
      .or(table.getByText(SHOWN.replace('345.', '346.')))
      .waitFor();
    await page
      .getByText('2 pulses of this answer are counted and not flushed yet, marked provisional')
      .waitFor();
    await page.getByText('Everything counted is included.').waitFor();
    await page.getByRole('list', { name: 'Total' }).getByText('5', { exact: true }).waitFor();
    expect(await table.locator('tbody tr', { hasText: 'provisional' }).count()).toBe(2);
    expect(await table.getByText(HOSTILE).count()).toBe(2);
    await page.getByRole('img', { name: 'h by window' }).waitFor();
    await page.getByRole('img', { name: 'GB by window' }).waitFor();
    await pointAtLastBar(page);
    await expectAccessible(page);

    const curl = await copied(page);
    expect(curl).toContain('/api/v1/usage?window=hour&tz=UTC&group_by=tenant&group_by=product_sku');
    const file = await downloaded(page);
    expect(file).toContain('window_start');
    expect(file).toContain(HOSTILE);

    await page.getByRole('combobox', { name: 'Tenants' }).pressSequentially('acme\n');
    await table.getByText('globex').waitFor({ state: 'hidden' });
    expect(page.url()).toContain('tenant=acme');
    await page.goto(`${page.url()}&as_of=2999-01-01`);
    await page.getByText('must not be in the future').first().waitFor();
    await page.goto(page.url().replace('&as_of=2999-01-01', '&live=false'));
    await page.getByText('Only what was flushed is included.').waitFor();
    await table.getByText(SHOWN).waitFor();

    await page.getByRole('button', { name: 'Export', exact: true }).click();
    await page.getByRole('button', { name: 'Request the export' }).click();
    await page.waitForURL(/\/exports\/[0-9a-f-]{36}\?tz=UTC/);

    const viewer = await addUser('globex-billing', 'viewer', 'globex');
    const narrow = await open('/usage?group_by=tenant', {
      as: viewer,
      width: 390,
      colorScheme: 'dark',
    });
    await narrow.getByRole('region', { name: 'Usage' }).getByText('globex').waitFor();
    expect(await narrow.getByText('acme').count()).toBe(0);
    await expectAccessible(narrow);

    // Days begin at half past in UTC, and windows are an hour.
    const india = await open('/usage?tz=Asia%2FKolkata');
    const nearest = india.getByRole('button', { name: 'Use the nearest windows' });
    const answered = india.getByRole('region', { name: 'Usage' });
    await nearest.click();
    await nearest.or(answered).waitFor();
    if (await nearest.isVisible()) await nearest.click();
    await answered.getByText(USED_AT.slice(0, 4)).first().waitFor();
    await chooseZone(narrow);
    await narrow.getByRole('button', { name: 'Find', exact: true }).click();
    await narrow.getByRole('textbox', { name: 'What to find' }).waitFor();
    await expectAccessible(narrow);
  },
);

const pulse = (tenant: string, sku: string, unit: string, amount: string) => ({
  tenant,
  product_sku: sku,
  use_unity: unit,
  used_amount: amount,
  timestamp: USED_AT,
});

async function send(
  api: { post(path: string, body: unknown): Promise<{ status: number }> },
  pulses: readonly unknown[],
): Promise<void> {
  expect((await api.post('/pulses', pulses)).status).toBe(202);
}

/** The line below a chart says the exact amounts under the pointer. */
async function pointAtLastBar(page: Page): Promise<void> {
  const plot = page.locator('.u-over').last();
  const box = (await plot.boundingBox())!;
  await plot.hover({ position: { x: 10, y: box.height / 2 } });
  await page.locator('.chart-detail b').first().waitFor();
}

/** By typing: what is typed replaces the name that stood there. */
async function chooseZone(page: Page): Promise<void> {
  const zone = page.getByRole('combobox', { name: 'Time zone' });
  await zone.click();
  await page.keyboard.type('zzz');
  await page.getByText('No such time zone').waitFor();
  await zone.blur();
  await zone.click();
  await page.keyboard.type('tokyo');
  await page.getByRole('option', { name: 'Asia/Tokyo' }).waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/tz=Asia%2FTokyo/);
}

async function copied(page: Page): Promise<string> {
  await page.getByRole('button', { name: 'Copy as curl' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  return page.evaluate<string>('navigator.clipboard.readText()');
}

async function downloaded(page: Page): Promise<string> {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ]);
  return readFile(await download.path(), 'utf8');
}
