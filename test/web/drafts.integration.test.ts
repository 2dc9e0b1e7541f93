/** What somebody types into the editor of a dead letter is not lost, and nobody else gets it. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, logIn, openConsole } from './console-fixture.ts';

const TIMEOUT_MS = 120_000;
const RESTORED = 'This is what you had typed.';

async function openWithBadPulse(id: string) {
  const found = await openConsole();
  const pulse = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '-1', id };
  await found.flow.producer.publish([{ body: JSON.stringify(pulse) }]);
  await found.flow.settled({ deadLetters: 1 });
  return found;
}

const editorOf = (page: Page) => page.getByLabel('New body');

/** Opens the editor and types another amount into it. */
async function type(page: Page, amount: string): Promise<void> {
  await page.getByRole('button', { name: 'Edit and replay' }).click();
  const body = editorOf(page);
  await body.fill((await body.inputValue()).replace('"-1"', `"${amount}"`));
  await page.getByLabel('Note').fill(`now ${amount}`);
}

async function expectRestored(page: Page, amount: string): Promise<void> {
  await page.getByText(RESTORED).waitFor();
  expect(await editorOf(page).inputValue()).toContain(`"used_amount": "${amount}"`);
  expect(await page.getByLabel('Note').inputValue()).toBe(`now ${amount}`);
}

async function expectOriginal(page: Page): Promise<void> {
  await expect.poll(() => editorOf(page).inputValue()).toContain('"used_amount": "-1"');
  expect(await page.getByText(RESTORED).count()).toBe(0);
}

/** As it ends by itself: the API no longer accepts the token. */
async function expire(page: Page): Promise<void> {
  await page.route('**/api/v1/dead-letters/**', (route) =>
    route.fulfill({ status: 401, json: {} }),
  );
  await page.getByRole('button', { name: 'Fix only' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Fix only' }).click();
  await page.getByText('Your session has expired.').waitFor();
  await page.unroute('**/api/v1/dead-letters/**');
}

async function kept(page: Page): Promise<string[]> {
  const keys: string[] = await page.evaluate('Object.keys(sessionStorage)');
  return keys.filter((key) => key.startsWith('pulse-draft'));
}

test(
  'a correction is there again after another page, a reload and an expired session, for its user alone',
  async () => {
    const { open, admin, addUser } = await openWithBadPulse('bad-unit-1');
    const page = await open('/dead-letters');
    await page.getByLabel('Id of the pulse').fill('bad-unit-2');
    await page.getByText('A bad pulse comes here when it is sent over AMQP').waitFor();
    await page.keyboard.press('Control+k');
    await page.getByLabel('What to find').fill('bad-unit-1');
    await page.getByRole('button', { name: 'Dead letters of the pulse bad-unit-1' }).click();
    await page.locator('[data-row]', { hasText: 'bad-unit-1' }).click();

    await type(page, '7');
    await page.getByRole('link', { name: 'Usage', exact: true }).click();
    await page.getByRole('heading', { name: 'Usage' }).waitFor();
    await page.goBack();
    await expectRestored(page, '7');
    await expectAccessible(page);
    await page.reload();
    await expectRestored(page, '7');
    await expire(page);
    await logIn(page, admin);
    await expectRestored(page, '7');

    await page.getByRole('button', { name: 'Start over' }).click();
    await expectOriginal(page);
    expect(await page.getByLabel('Note').inputValue()).toBe('');
    await page.reload();
    await expectOriginal(page);

    await type(page, '9');
    await expire(page);
    expect(await kept(page)).toHaveLength(1);
    await logIn(page, await addUser('olga', 'operator', 'acme'));
    await expectOriginal(page);
    await expect.poll(() => kept(page)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'nothing of it is left after a logout, or once it was sent or given up',
  async () => {
    const { open, admin } = await openWithBadPulse('bad-unit-1');
    const page = await open('/dead-letters');
    await page.locator('[data-row]').click();
    await type(page, '7');
    expect(await kept(page)).toHaveLength(1);
    await page.getByRole('button', { name: 'Account of' }).click();
    await page.getByRole('menuitem', { name: 'Log out' }).click();
    await page.getByText('You have logged out.').waitFor();
    expect(await kept(page)).toEqual([]);
    await logIn(page, admin);
    await expectOriginal(page);

    await page.getByLabel('Note').fill('why');
    expect(await kept(page)).toHaveLength(1);
    await page.getByRole('button', { name: 'Stop editing' }).click();
    expect(await kept(page)).toEqual([]);
    await type(page, '8');
    await page.getByRole('button', { name: 'Fix only' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Fix only' }).click();
    await page.getByText('Fixed. Nothing is sent until it is replayed.').waitFor();
    expect(await kept(page)).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  'where the browser keeps nothing, the page works and says so',
  async () => {
    const { open } = await openWithBadPulse('bad-unit-1');
    const full = `Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); };`;
    const page = await open('/dead-letters', { before: full });
    await page.locator('[data-row]').click();
    await type(page, '7');
    await page.getByText('This browser cannot keep what you type').waitFor();
    await page.getByRole('button', { name: 'Fix only' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Fix only' }).click();
    await page.getByText('Fixed. Nothing is sent until it is replayed.').waitFor();

    const none = `Object.defineProperty(globalThis, 'sessionStorage',
      { get: () => { throw new DOMException('', 'SecurityError'); } });`;
    const forbidden = await open('/dead-letters', { before: none });
    await forbidden.locator('[data-row]').click();
    await forbidden.getByRole('button', { name: 'Edit and replay' }).click();
    await forbidden.getByLabel('Note').fill('why');
    await forbidden.getByText('This browser cannot keep what you type').waitFor();
  },
  TIMEOUT_MS,
);
