import type { Page, Request } from 'playwright-core';
import { expect, test } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { expectAccessible, openConsole, typeIntoDialog } from './console-fixture.ts';

const PULSE = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '1' };

test('the overview follows what happens, and pauses ingest', { timeout: 240_000 }, async () => {
  const { flow, origin, api, open } = await openConsole();
  const page = await open('/');
  await page.getByText('Every pulse is counted').waitFor();
  const card = (label: string) => page.getByRole('region', { name: label, exact: true });
  await flow.producer.publish([
    { body: JSON.stringify(PULSE) },
    { body: JSON.stringify({ ...PULSE, used_amount: '-1' }) },
  ]);
  await card('Counted').getByText('0 duplicates').waitFor();
  await card('Received').getByText('1 in all').waitFor();
  await card('Dead letters').getByText('1 amount_not_positive').waitFor();
  await page.getByText('1 dead letter waits for a decision.').waitFor();
  await expectAccessible(page);

  await hideAndShow(page);
  await page.getByText('1 dead letter waits for a decision.').waitFor();
  const dialog = page.getByRole('dialog');
  await typeIntoDialog(page, 'Pause ingest', '');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').getByText('Reason is missing.').waitFor();
  await expectAccessible(page);
  await page.keyboard.type('Redis moves');
  await page.keyboard.press('Enter');
  await page.getByText('Paused by admin: Redis moves').waitFor();
  await card('Waiting in the queue').getByText('0 threads consuming').waitFor();
  await flow.producer.publish([{ body: JSON.stringify(PULSE) }]);
  await card('Waiting in the queue').getByText('1', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Resume ingest' }).click();
  await dialog.getByRole('button', { name: 'Resume ingest' }).click();
  await card('Received').getByText('2 in all').waitFor();
  await page.getByRole('button', { name: 'Pause ingest' }).click();
  await dialog.getByLabel('Reason').fill('Redis moves again');
  await pause(api, true);
  // Somebody else was first: the dialog does not become the opposite.
  await page.getByText('Paused by admin: another').waitFor();
  await dialog.waitFor({ state: 'detached' });
  await pause(api, false);
  await page.getByRole('button', { name: 'Pause ingest' }).waitFor();
  await page.setViewportSize({ width: 390, height: 900 });
  await expectAccessible(page);

  const answer = await heldBack(page, '**/api/v1/doctor');
  await page.goto(`${origin}/console/health`);
  await page.getByText('Asking the servers…').waitFor();
  await expectAccessible(page);
  answer();
  await page.getByRole('cell', { name: 'ok' }).first().waitFor();
  await expectAccessible(page);
  await page.getByRole('button', { name: 'Examine again' }).click();
  await page.goto(`${origin}/console/load-test`);
  await page.getByRole('textbox', { name: 'Pulses', exact: true }).fill('1000');
  await page.getByRole('textbox', { name: 'Pulses a message' }).fill('10');
  await page.getByRole('button', { name: 'Start' }).click();
  await dialog.getByText('Publishes 1\u202f000 pulses of 100 tenants.').waitFor();
  await dialog.getByRole('button', { name: 'Start' }).click();
  await page.getByText('1\u202f000 of 1\u202f000').waitFor();
  await page.waitForURL(/run=/);
  await flow.settled({ counted: 1_002 });
  const now = page.getByRole('region', { name: 'Now' });
  await now.getByText('1\u202f002', { exact: true }).waitFor();
  await expectAccessible(page);
  const books = await flow.verify();
  expect(books).toMatchObject({ counted: 1_002, deadLetters: 1, drift: 0 });
});

/** @returns What lets the answer come. */
async function heldBack(page: Page, address: string): Promise<() => void> {
  let go: () => void = () => undefined;
  const mayGo = new Promise<void>((resolve) => {
    go = resolve;
  });
  await page.route(address, async (route) => {
    await mayGo;
    await route.continue();
  });
  return go;
}

async function pause(api: ApiClient, paused: boolean): Promise<void> {
  const { status } = await api.request('/ingest/pause', {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ paused, note: 'another' }),
  });
  expect(status).toBe(200);
}

/** A hidden tab must not hold one of the few connections of the browser, and what it shows is old. */
async function hideAndShow(page: Page): Promise<void> {
  const isStream = (request: Request) => request.url().endsWith('/status/stream');
  const ended = page.waitForEvent('requestfailed', isStream);
  await setHidden(page, true);
  await ended;
  await page.getByText('There has been no news since.').waitFor();
  await expectAccessible(page);
  const opened = page.waitForRequest(isStream);
  await setHidden(page, false);
  await opened;
  await page.getByText('There has been no news since.').waitFor({ state: 'hidden' });
}

async function setHidden(page: Page, isHidden: boolean): Promise<void> {
  await page.evaluate(`
    Object.defineProperty(document, 'hidden', { value: ${isHidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));`);
}
