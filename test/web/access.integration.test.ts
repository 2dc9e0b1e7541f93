import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { loginToApi } from '../support/api-client.ts';
import { expectAccessible, logIn, openConsole, typeIntoDialog } from './console-fixture.ts';

const HOSTILE = `<img src=x onerror="alert(1)"> \u202Eevil 🚀`;
const TIMEOUT_MS = 240_000;

test('an admin adds users and keys, and locks them out', { timeout: TIMEOUT_MS }, async () => {
  const { origin, api, open } = await openConsole();
  const page = await open('/access');
  const dialog = page.getByRole('dialog');
  const users = page.getByRole('region', { name: 'Users' });
  await users.getByText('admin').first().waitFor();
  await typeIntoDialog(page, 'Add a user', 'dora');
  expect(await dialog.getByLabel('Username').inputValue()).toBe('dora');
  await dialog.getByLabel('New password').fill('short');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  const missing = dialog.getByRole('alert');
  await missing.getByText('New password needs at least 12 characters. It has 5.').waitFor();
  await missing.getByText('A tenant is missing').waitFor();
  await expectAccessible(page);
  await dialog.getByLabel('Tenants', { exact: true }).pressSequentially('acme\n');
  await dialog.getByLabel('New password').fill('the password of dora');
  await dialog.getByRole('button', { name: 'Add', exact: true }).click();
  await page.getByText('Added dora.').waitFor();
  await users.getByText('acme').waitFor();

  await users.locator('tr', { hasText: 'dora' }).getByRole('button', { name: 'Rights' }).click();
  await choose(page, 'admin');
  await choose(page, 'viewer');
  // Back from `admin`, with the tenants from before and no more.
  await dialog.getByText('acme', { exact: true }).waitFor();
  await choose(page, 'admin');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await users.locator('tr', { hasText: 'dora' }).getByRole('button', { name: 'Rights' }).click();
  expect(await dialog.getByRole('combobox', { name: 'Role' }).inputValue()).toMatch(/^viewer/);
  await dialog.getByLabel('Tenants', { exact: true }).pressSequentially('Globex, Inc.\n');
  await dialog.getByRole('button', { name: 'Change' }).click();
  await users.getByText('acme, Globex, Inc.').waitFor();
  const { body } = await api.request<Users>('/users');
  expect(body.data.map(({ tenants }) => tenants)).toContainEqual(['acme', 'Globex, Inc.']);

  const dora = await open('/pulses', {
    as: { username: 'dora', password: 'the password of dora' },
  });
  await dora.getByRole('heading', { name: 'Pulses' }).waitFor();
  expect(await dora.getByRole('link', { name: 'Access' }).count()).toBe(0);
  await users.locator('tr', { hasText: 'dora' }).getByRole('button', { name: 'Disable' }).click();
  await dialog.getByRole('button', { name: 'Disable' }).click();
  await page.getByText('dora is locked out.').waitFor();
  await expect
    .poll(
      async () => {
        await dora.reload({ waitUntil: 'networkidle' });
        return dora.getByText('Your session has expired.').count();
      },
      { timeout: 30_000 },
    )
    .toBe(1);
  await users.locator('tr', { hasText: 'dora' }).getByRole('button', { name: 'Enable' }).click();
  await dialog.getByRole('button', { name: 'Enable' }).click();
  await page.getByText('dora may log in.').waitFor();
  // Within 2 seconds, in every process.
  const again = await loginToApi({
    api: origin,
    username: 'dora',
    password: 'the password of dora',
  });
  await expect.poll(async () => (await again.request('/me')).status).toBe(200);
  await logIn(dora, { username: 'dora', password: 'the password of dora' });
  await dora.getByRole('heading', { name: 'Pulses' }).waitFor();

  await page.getByRole('tab', { name: 'Keys' }).click();
  await page.getByRole('button', { name: 'Create a key' }).click();
  await dialog.getByLabel('Name').fill(HOSTILE);
  await dialog.getByLabel('Tenants', { exact: true }).pressSequentially('acme\n');
  await createSlowly(page);
  const key = (await dialog.getByLabel('Key', { exact: true }).textContent())!;
  expect(key).toMatch(/^pulse_[0-9a-f]{16}_[0-9a-f]{72}$/);
  await expectAccessible(page);
  const bearer = await open('/usage', { as: { key } });
  await bearer.getByRole('heading', { name: 'Usage' }).waitFor();
  await bearer.getByRole('button', { name: `Account of ${HOSTILE}` }).click();
  await bearer.getByText('key, viewer').waitFor();
  expect(await bearer.getByRole('menuitem', { name: 'Change password' }).count()).toBe(0);
  await bearer.getByRole('menuitem', { name: 'Log out' }).click();
  await bearer.getByText('You have logged out.').waitFor();
  await bearer.getByRole('button', { name: 'Use a key' }).click();
  await bearer.locator('input[name=key]').fill('no key at all');
  await bearer.getByRole('button', { name: 'Log in' }).click();
  await bearer.getByText('This is not a key').waitFor();
  await bearer.locator('input[name=key]').fill(key.slice(0, -1));
  await bearer.getByRole('button', { name: 'Log in' }).click();
  await bearer.getByText('This key is not valid').waitFor();
  await bearer.getByText('a part of it is missing').waitFor();
  await expectAccessible(bearer);
  await dialog.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'Revoke' }).click();
  await dialog.getByRole('button', { name: 'Revoke' }).click();
  await page.getByRole('region', { name: 'Keys' }).getByText('revoked').waitFor();

  await page.goto(`${origin}/console/access/audit?action=key+revoked`);
  const log = page.getByRole('region', { name: 'Audit log' });
  await expect.poll(() => log.locator('tbody tr').count()).toBe(1);
  await page.getByLabel('Before').fill('2020-01-01T00:00');
  await page.getByText('Nothing is in the log.').waitFor();
  expect(page.url()).toContain('to=20');
  await page.setViewportSize({ width: 390, height: 900 });
  await expectAccessible(page);
  await page.goto(`${origin}/console/access`);
  await changePasswordOnNarrowScreen(page, 'dora');
});

test('a user changes the password, and goes on from there', { timeout: TIMEOUT_MS }, async () => {
  const { open, addUser } = await openConsole();
  const vera = await addUser('vera', 'viewer', 'acme');
  // 41 is `A` in hexadecimal: the filter is no escape of it.
  const address = `/pulses?tenant=${encodeURIComponent('%41')}&tz=UTC`;
  const page = await open(address, { as: vera, width: 390, colorScheme: 'dark' });
  const tenant = page.getByLabel('Tenant');
  await page.getByRole('button', { name: 'Filters, 1 set' }).click();
  await tenant.waitFor();
  expect(await tenant.inputValue()).toBe('%41');
  await page.getByRole('button', { name: 'Account of vera' }).click();
  await page.getByRole('menuitem', { name: 'Change password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.locator('input:focus').waitFor();
  await page.keyboard.type('a wrong password');
  await dialog.getByLabel('New password').fill('a new password of vera');
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await dialog.getByRole('alert').waitFor();
  await expectAccessible(page);
  await dialog.getByRole('textbox', { name: 'Current password' }).fill(vera.password);
  await dialog.getByRole('button', { name: 'Change', exact: true }).click();
  await page.getByText('You have a new password.').waitFor();

  await page.evaluate(`
    const kept = JSON.parse(sessionStorage.getItem('pulse-session'));
    sessionStorage.setItem('pulse-session', JSON.stringify({ ...kept, token: 'forged' }));`);
  await page.reload();
  await page.getByText('Your session has expired. Log in again').waitFor();
  await expectAccessible(page);
  await logIn(page, { username: 'vera', password: 'a new password of vera' });
  expect(await tenant.inputValue()).toBe('%41');
  expect(page.url()).toContain(address);
});

test('a page copies without HTTPS, and outlives failures', { timeout: TIMEOUT_MS }, async () => {
  const { open } = await openConsole();
  // As on an address without HTTPS.
  const page = await open('/usage', { before: WITHOUT_SECURE_CONTEXT });
  const curl = page.getByRole('button', { name: 'Copy as curl' });
  expect(await curl.getAttribute('title')).toContain('Set TOKEN first');
  await curl.click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  expect(await page.evaluate('lastCopied')).toContain('curl -s ');
  await page.evaluate('document.execCommand = () => false');
  await curl.click();
  await page.getByText('It could not be copied. Select it.').waitFor();
  expect(await page.evaluate('getSelection().toString()')).toContain('curl -s ');
  await expectAccessible(page);

  await page.route('**/api/v1/me', (route) => route.fulfill({ status: 503, body: '' }));
  await page.goto(page.url().replace('/usage', '/orders'));
  await page.getByText('The API answered 503').waitFor();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  await expectAccessible(page);
  await page.unroute('**/api/v1/me');
  await page.getByRole('button', { name: 'New order' }).click();
  await page.getByRole('dialog').getByRole('combobox', { name: 'Customer' }).waitFor();

  await page.goto(page.url().replace('/orders', '/usage'));
  await page.getByText('Nothing was used in this range.').waitFor();
  await page.route(/\/api\/v1\/usage\?/, (route) => route.fulfill({ status: 503, body: '' }));
  await page.getByText('The API answered 503').waitFor();
  await page.unroute(/\/api\/v1\/usage\?/);
  await page.getByText('The API answered 503').waitFor({ state: 'detached' });
});

interface Users {
  readonly data: readonly { readonly tenants: unknown }[];
}

const WITHOUT_SECURE_CONTEXT = `
  delete Crypto.prototype.randomUUID;
  delete Navigator.prototype.clipboard;
  addEventListener('copy', () => { globalThis.lastCopied = getSelection().toString(); });`;

async function changePasswordOnNarrowScreen(page: Page, username: string): Promise<void> {
  const change = page.getByRole('button', { name: `Change ${username}`, exact: true });
  await change.waitFor();
  // Without scrolling sideways, which `click` would do.
  const { x, width } = (await change.boundingBox())!;
  expect(x + width).toBeLessThan(390);
  await change.click();
  await page.getByRole('menuitem', { name: 'Password' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('New password').fill('another password of dora');
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Set' }).click();
  await page.getByText(`${username} has the new password.`).waitFor();
}

async function choose(page: Page, role: string): Promise<void> {
  await page.getByRole('dialog').getByRole('combobox', { name: 'Role' }).click();
  await page.getByRole('option', { name: role }).click();
}

/** While it is being created, the dialog neither closes nor sends again. */
async function createSlowly(page: Page): Promise<void> {
  const dialog = page.getByRole('dialog');
  let sent = 0;
  let go: () => void = () => undefined;
  const mayGo = new Promise<void>((resolve) => {
    go = resolve;
  });
  const isKeys = (url: URL) => url.pathname.endsWith('/api/v1/keys');
  await page.route(isKeys, async (route) => {
    if (route.request().method() === 'POST') {
      sent += 1;
      await mayGo;
    }
    await route.continue();
  });
  await dialog.getByRole('button', { name: 'Create', exact: true }).click();
  await expect.poll(() => dialog.getByRole('button', { name: 'Cancel' }).isDisabled()).toBe(true);
  await page.keyboard.press('Escape');
  await dialog.getByLabel('Name').press('Enter');
  await expectAccessible(page);
  go();
  await dialog.getByText('This is the new key.').waitFor();
  expect(sent).toBe(1);
  await page.unroute(isKeys);
}
