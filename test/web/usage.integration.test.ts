import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from './console-fixture.ts';

/** All in one hour. */
const USED_AT = new Date().toISOString();
const WIDTH = 390;
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
      width: WIDTH,
      colorScheme: 'dark',
    });
    await narrow.getByRole('region', { name: 'Usage' }).getByText('globex').waitFor();
    expect(await narrow.getByText('acme').count()).toBe(0);
    await expectAccessible(narrow);

    await answersInIndia(await open('/usage?tz=Asia%2FKolkata&range=today&window=none'));
    await fits(
      await open('/usage?tz=Asia%2FHo_Chi_Minh&group_by=tenant,product_sku', { width: WIDTH }),
    );
    await undoesChoices(await open('/usage?tz=Mars%2FOlympus&range=today'));
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

/** Days begin at half past in UTC there, and windows are an hour. */
async function answersInIndia(page: Page): Promise<void> {
  const refusals: string[] = [];
  page.on('response', (response) => {
    if (response.status() === 400) refusals.push(response.url());
  });
  const table = page.getByRole('region', { name: 'Usage' });
  const notice = page.getByTestId('day-shift');
  // What was used in the half hour after midnight counts for the day before, so no amount is asked for.
  await page.getByTestId('freshness').waitFor();
  await notice.getByText('days from 00:30 to 00:30 there').waitFor();
  await notice.getByText('WINDOW_MINUTES=30').waitFor();
  await choose(page, 'Range', 'Last week');
  await notice.getByText(/this is from Mon .{10} 00:30 to Mon .{10} 00:30, days/).waitFor();
  expect(await copied(page)).toMatch(
    /window=none&tz=Asia%2FKolkata&from=[\d-]+T19%3A00%3A00Z&to=[\d-]+T19%3A00%3A00Z/,
  );
  await choose(page, 'Range', 'Last 7 days');
  await choose(page, 'Window', 'day');
  await table
    .getByText(/^\d{4}-\d\d-\d\d 00:00$/)
    .first()
    .waitFor();
  await expectAccessible(page);
  expect(refusals).toEqual([]);

  await page.goto(page.url().replace(/\?.*/, '?tz=Asia%2FKolkata&window=none&as_of=noon'));
  await page.getByText('As of takes a date or a time in Asia/Kolkata').waitFor();
  const bounds = 'from=2026-11-23+00:00&to=2026-11-30+00:00';
  await page.goto(page.url().replace('as_of=noon', bounds));
  await page
    .getByRole('button', { name: 'Use 2026-11-23 00:30 to 2026-11-30 00:30', exact: true })
    .click();
  await page.getByTestId('freshness').waitFor();
  expect(await notice.count()).toBe(0);
  expect(refusals).toEqual([]);
}

/** A zone that does not exist is not replaced without a word, and Back undoes one choice after the other. */
async function undoesChoices(page: Page): Promise<void> {
  await page
    .getByText('“Mars/Olympus”, which does not exist. Times are in Europe/Berlin')
    .waitFor();
  const zone = page.getByRole('combobox', { name: 'Time zone' });
  await zone.click();
  await page.keyboard.type('ho chi minh');
  await page.getByRole('option', { name: 'Asia/Ho_Chi_Minh' }).click();
  await page.waitForURL(/tz=Asia%2FHo_Chi_Minh/);
  expect(await page.getByText('Mars/Olympus').count()).toBe(0);
  await zone.click();
  await page.keyboard.type('US/Eastern');
  await zone.blur();
  await page.waitForURL(/tz=US%2FEastern/);
  await choose(page, 'Range', 'Yesterday');
  await page.goBack();
  await page.waitForURL(/tz=US%2FEastern&range=today/);
  await page.goBack();
  await page.waitForURL(/tz=Asia%2FHo_Chi_Minh&range=today/);
}

/** The amount, in sight with all its digits, and what it is an amount of. */
async function fits(narrow: Page): Promise<void> {
  const table = narrow.getByRole('region', { name: 'Usage' });
  const row = table.locator('tbody tr', { hasText: 'acme' });
  for (const text of [SHOWN.replace('345.', '346.'), 'cpu', 'h']) {
    const shown = row.getByText(text, { exact: true }).filter({ visible: true });
    const { x, width } = (await shown.boundingBox())!;
    expect(x + width, text).toBeLessThanOrEqual(WIDTH);
  }
  await narrow.getByText(/^All tenants · Last 7 days \(.+\) · Asia\/Ho_Chi_Minh$/).waitFor();
  const zone = narrow.getByRole('combobox', { name: 'Time zone' });
  const isCut = await zone.evaluate(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth);
  expect(isCut).toBe(false);
}

async function choose(page: Page, label: string, option: string): Promise<void> {
  await page.getByRole('combobox', { name: label }).click();
  await page.getByRole('option', { name: option, exact: true }).click();
}

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
  await page.getByText('There is no time zone “zzz”. Times are still in').waitFor();
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
