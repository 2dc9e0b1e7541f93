import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, logIn, openConsole, typeIntoDialog } from './console-fixture.ts';

const HOSTILE = `<img src=x onerror="alert(1)"> \u202Eevil 🚀`;
const TIMEOUT_MS = 240_000;

test(
  'an admin adds users and keys, which log in, are limited, and are locked out again',
  {
    timeout: TIMEOUT_MS,
  },
  async () => {
    const { origin, open } = await openConsole();
    const page = await open('/access');
    const dialog = page.getByRole('dialog');
    const users = page.getByRole('region', { name: 'Users' });
    await users.getByText('admin').first().waitFor();
    await typeIntoDialog(page, 'Add a user', 'dora');
    expect(await dialog.getByLabel('Username').inputValue()).toBe('dora');
    await dialog.getByLabel('New password').fill('short');
    await dialog.getByRole('combobox', { name: 'Tenants' }).pressSequentially('acme\n');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByRole('alert').getByText('password').first().waitFor();
    await expectAccessible(page);
    await dialog.getByLabel('New password').fill('the password of dora');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByText('Added dora.').waitFor();
    await users.getByText('acme').waitFor();

    const dora = await open('/pulses', {
      as: { username: 'dora', password: 'the password of dora' },
    });
    await dora.getByRole('heading', { name: 'Pulses' }).waitFor();
    expect(await dora.getByRole('link', { name: 'Access' }).count()).toBe(0);
    await users.locator('tr', { hasText: 'dora' }).getByRole('button', { name: 'Disable' }).click();
    await dialog.getByRole('button', { name: 'Disable' }).click();
    await page.getByText('dora is locked out.').waitFor();
    const ended = dora.getByText('Your session has expired.');
    const tenant = dora.getByLabel('Tenant');
    // Each text asks the API again.
    for (let tried = 0; (await ended.count()) === 0; tried++) {
      await tenant.fill(`tenant ${tried}`, { timeout: 1_000 }).catch(() => undefined);
    }
    await users.locator('tr', { hasText: 'dora' }).getByRole('button', { name: 'Enable' }).click();
    await dialog.getByRole('button', { name: 'Enable' }).click();
    await logIn(dora, { username: 'dora', password: 'the password of dora' });
    await dora.getByRole('link', { name: 'Pulses' }).click();
    await dora.getByRole('heading', { name: 'Pulses' }).waitFor();

    await page.getByRole('tab', { name: 'Keys' }).click();
    await page.getByRole('button', { name: 'Create a key' }).click();
    await dialog.getByLabel('Name').fill(HOSTILE);
    await dialog.getByRole('combobox', { name: 'Tenants' }).pressSequentially('acme\n');
    await createSlowly(page);
    const key = (await page.getByLabel('The new key').textContent())!;
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
    await page.getByRole('button', { name: 'Close', exact: true }).first().click();
    await page.getByRole('button', { name: 'Revoke' }).click();
    await dialog.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('region', { name: 'Keys' }).getByText('revoked').waitFor();

    await page.goto(`${origin}/console/access/audit?action=key+revoked`);
    const log = page.getByRole('region', { name: 'Audit log' });
    await expect.poll(() => log.locator('tbody tr').count()).toBe(1);
    await page.setViewportSize({ width: 390, height: 900 });
    await expectAccessible(page);
  },
);

test(
  'a user changes the password, and goes on where the session ended',
  {
    timeout: TIMEOUT_MS,
  },
  async () => {
    const { open, addUser } = await openConsole();
    const vera = await addUser('vera', 'viewer', 'acme');
    // 41 is `A` in hexadecimal: the filter is no escape of it.
    const address = `/pulses?tenant=${encodeURIComponent('%41')}&tz=UTC`;
    const page = await open(address, { as: vera, width: 390, colorScheme: 'dark' });
    const tenant = page.getByLabel('Tenant');
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
    await dialog.getByLabel('Current password', { exact: true }).fill(vera.password);
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
  },
);

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
  await dialog.waitFor({ state: 'hidden' });
  expect(sent).toBe(1);
  await page.unroute(isKeys);
}
