import { expect, onTestFinished, test } from 'vitest';
import { startReceiver } from '../delivery/receiver.ts';
import { newSecretKeys } from '../../src/delivery/secret-box.ts';
import type { ApiClient } from '../support/api-client.ts';
import { expectAccessible, openConsole } from './console-fixture.ts';

const HOSTILE = `<img src=x onerror="alert(1)"> \u202Eevil 🚀`;
/** No float holds it. */
const TOTAL = '12.500000000000000000001';

test('an endpoint is created, tested, rotated, disabled, recovered and deleted', async () => {
  const { api, open } = await openConsole({
    WEBHOOK_ALLOW_PRIVATE: 'true',
    WEBHOOK_SECRET_KEYS: newSecretKeys(),
  });
  let isBroken = false;
  const receiver = await startReceiver((response) => {
    response.writeHead(isBroken ? 500 : 200).end(isBroken ? 'out of order' : 'thanks');
  });
  onTestFinished(() => receiver.close());
  await put(api, 'customers/123', { name: HOSTILE });
  await put(api, 'producers/billing', { name: HOSTILE });

  const page = await open('/events/types');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'New type' }).click();
  await dialog.getByLabel('Name').fill('invoice.paid');
  await dialog.getByLabel('Description').fill(HOSTILE);
  await dialog.getByRole('button', { name: 'Store' }).click();
  await page.locator('[data-row]', { hasText: 'invoice.paid' }).click();
  await page.getByRole('button', { name: 'New version' }).click();
  await dialog.getByLabel('Schema').fill('{"type":"object","required":["total"]}');
  await dialog.getByRole('button', { name: 'Store' }).click();
  await dialog.getByText('The schema may refuse events').waitFor();
  await dialog.getByLabel('Store it even if').check();
  await dialog.getByRole('button', { name: 'Store' }).click();
  await page.getByRole('heading', { name: 'Version 2' }).waitFor();
  await page.getByRole('heading', { name: 'Version 1' }).waitFor();
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Producers' }).click();
  await page.getByText(HOSTILE).waitFor();

  await page.getByRole('link', { name: 'Endpoints', exact: true }).click();
  await page.getByRole('button', { name: 'New endpoint' }).click();
  await dialog.getByLabel('Id').fill('local');
  await dialog.getByLabel('Client').fill('123');
  await dialog.getByLabel('URL').fill(receiver.url);
  await dialog.getByRole('button', { name: 'Store' }).click();
  const secret = page.getByLabel('Secret', { exact: true });
  await expect.poll(() => secret.last().textContent()).toMatch(/^whsec_/);
  receiver.secrets.push((await secret.last().textContent())!);
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.locator('[data-row]', { hasText: 'local' }).click();

  await page.getByRole('button', { name: 'Send test' }).click();
  await dialog.getByText('status 200').waitFor();
  await dialog.getByText('thanks').waitFor();
  expect(receiver.received[0]?.verifiedBy).toEqual(receiver.secrets);
  await dialog.getByText('Tests are not kept and do not count as attempts.').waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByText('No message was delivered to it yet.').count()).toBe(2);
  const tests = page.getByRole('list', { name: 'Tests of this visit' });
  await page.getByRole('button', { name: 'Send test' }).click();
  await dialog.getByText('status 200').waitFor();
  await page.keyboard.press('Escape');
  expect(await tests.getByRole('listitem').count()).toBe(2);
  expect(await tests.textContent()).toContain('status 200');
  await expectAccessible(page);

  await page.getByRole('button', { name: 'Rotate secret' }).click();
  await dialog.getByRole('button', { name: 'Rotate' }).click();
  await page.getByText('This is the new secret of local.').waitFor();
  receiver.secrets.push((await secret.last().textContent())!);
  expect(new Set(receiver.secrets).size).toBe(2);
  await page.getByRole('button', { name: 'I have kept it' }).click();

  await page.getByRole('button', { name: 'Disable' }).click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await page.getByText('Somebody disabled it.').waitFor();
  await sendEvent(api);
  await page.getByRole('button', { name: 'Enable' }).click();
  await dialog.getByRole('button', { name: 'Enable' }).click();
  await page.getByText('local is enabled.').waitFor();
  isBroken = true;
  await page.getByRole('button', { name: 'Recover' }).click();
  await dialog.getByRole('button', { name: 'Count' }).click();
  await dialog.getByText('0 failed deliveries, and 1 event that it has no delivery of.').waitFor();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Send 1 event' }).click();

  const delivery = page.locator('[data-row]', { hasText: 'invoice.paid' });
  await delivery.click();
  await page.getByText('1. failed').waitFor();
  await page.getByText('out of order').waitFor();
  isBroken = false;
  await page.getByRole('button', { name: 'Send again' }).click();
  await dialog.getByRole('button', { name: 'Send again' }).click();
  await page.getByText('2. delivered').waitFor();
  expect(receiver.received.at(-1)?.verifiedBy).toEqual(receiver.secrets);
  await page.setViewportSize({ width: 390, height: 900 });
  await expectAccessible(page);

  await page.getByRole('link', { name: '1 of 123, invoice.paid' }).click();
  await expect
    .poll(() => page.getByLabel('Data', { exact: true }).textContent())
    .toBe(`{"total": ${TOTAL}, "name": "<b>"}`);
  await expectAccessible(page);
  await page.goto(`${new URL(page.url()).origin}/console/events/deliveries?status=delivered`);
  await page.locator('[data-row]').waitFor();
  await page.goto(`${new URL(page.url()).origin}/console/events/endpoints/local`);
  await page.getByText('The last delivery succeeded.').waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await page.getByText('There are no such endpoints.').waitFor();
}, 240_000);

async function sendEvent(api: ApiClient): Promise<void> {
  const stored = await api.request<{ stored: number }>('/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `{"id":"invoice-7","producer":"billing","type":"invoice.paid","client":"123","data":{"total": ${TOTAL}, "name": "<b>"}}`,
  });
  expect(stored.body.stored).toBe(1);
}

async function put(api: ApiClient, path: string, body: object): Promise<void> {
  const answer = await api.request(`/${path}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.status).toBeLessThan(300);
}
