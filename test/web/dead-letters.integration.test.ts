import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from './console-fixture.ts';

const HOSTILE = `<img src=x onerror="alert(1)"> \u202Eevil 🚀`;
const EXACT = '123456789012345.123456789';
const TIMEOUT_MS = 120_000;

test(
  'a bad pulse is found, read, fixed, replayed and counted',
  async () => {
    const { flow, open } = await openConsole();
    const id = 'reading-7';
    const pulse = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '-1', id };
    await flow.producer.publish([
      { body: JSON.stringify(pulse), options: { messageId: 'message-7' } },
    ]);
    await flow.settled({ deadLetters: 1 });

    const page = await open('/dead-letters?tenant=acme');
    await page.locator('[data-row]', { hasText: 'amount_not_positive' }).click();
    await page.getByText('used_amount must be greater than 0.').first().waitFor();
    await page.getByText('Fix the body and replay it.').waitFor();
    expect(await page.getByLabel('Body', { exact: true }).textContent()).toBe(
      JSON.stringify(pulse),
    );
    await expectAccessible(page);

    await page.getByRole('button', { name: 'Edit and replay' }).click();
    await page.getByText('Nothing is changed yet.').waitFor();
    await page.getByText('It will be refused again').waitFor();
    const body = page.getByLabel('New body');
    await body.fill((await body.inputValue()).replace('"-1"', `"${EXACT}"`).replace(id, 'other'));
    await page.getByText('The id is not the same').waitFor();
    await body.fill((await body.inputValue()).replace('other', id));
    const changes = page.getByLabel('Changes of the body');
    await expect.poll(() => changes.textContent()).toContain(`- removed:   "used_amount": "-1",`);
    expect(await changes.textContent()).toContain(`+ added:   "used_amount": "${EXACT}",`);
    const willCount = page.getByLabel('What the replay will count').first();
    await expect.poll(() => willCount.textContent()).toContain(`0 → ${grouped(EXACT)}`);
    expect(await willCount.textContent()).toContain(id);
    await expectAccessible(page);

    await page.getByLabel('Note').fill('the sign was wrong');
    await page.getByRole('button', { name: 'Fix and replay' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Fix and replay' }).click();
    await page
      .getByText('Replayed. If it is refused again, it waits here again in a moment.')
      .waitFor();
    const history = page.getByRole('list', { name: 'History' });
    await expect.poll(() => history.textContent()).toContain('the sign was wrong');
    await expect.poll(() => history.locator('li.good').textContent()).toContain('Replayed');
    await page.getByRole('heading', { name: 'What the fix changed' }).waitFor();
    await flow.settled({ counted: 1 });
    await page.getByRole('link', { name: 'acme' }).click();
    await page.getByText(grouped(EXACT)).first().waitFor();
  },
  TIMEOUT_MS,
);

test(
  'shows what is no text, discards with a note, and acts on many after a dry run',
  async () => {
    const { flow, api, open, addUser } = await openConsole();
    const broken = Buffer.concat([
      Buffer.from('{"tenant":"caf'),
      Buffer.from([0xe9, 0xff]),
      Buffer.from('\u202E"}'),
    ]);
    const bad = { product_sku: 'cpu', use_unity: 'h', used_amount: 'many' };
    await flow.producer.publish([
      { body: broken, options: { messageId: 'broken' } },
      { body: JSON.stringify({ ...bad, tenant: HOSTILE }) },
      ...Array.from({ length: 7 }, (_, index) => ({
        body: JSON.stringify({ ...bad, tenant: 'load-test', id: `${index}` }),
      })),
    ]);
    await flow.settled({ deadLetters: 9 });

    const page = await open('/dead-letters', { width: 390, colorScheme: 'dark' });
    await page.getByText(HOSTILE).waitFor();
    expect(await page.locator('img[src=x]').count()).toBe(0);
    await expectAccessible(page);
    expect(await page.getByRole('button', { name: 'Discard all' }).isDisabled()).toBe(true);

    await page.getByLabel('Message id').fill('broken');
    await expect.poll(() => page.locator('[data-row]').count()).toBe(1);
    await page.keyboard.press('Tab');
    await page.locator('[data-row]').press('Enter');
    const body = page.getByLabel('Body', { exact: true });
    expect(await body.textContent()).toBe(String.raw`{"tenant":"caf\xe9\xff\u{202e}"}`);
    expect(await body.locator('mark').allTextContents()).toEqual([String.raw`\xe9\xff\u{202e}`]);
    await page.getByRole('button', { name: 'Hex' }).click();
    await expect.poll(() => body.textContent()).toContain('63 61 66 e9 ff  {"tenant":"caf..');
    await page.getByRole('button', { name: 'JSON' }).click();
    await page.getByText('This is not JSON, so it stands as text.').waitFor();
    await page.getByRole('button', { name: 'Discard' }).click();
    await page.getByRole('dialog').getByLabel('Note').fill('a broken meter');
    await page.getByRole('dialog').getByRole('button', { name: 'Discard' }).click();
    await page.getByRole('button', { name: 'Replay after all' }).waitFor();
    await page.getByText('admin over the API: a broken meter').waitFor();
    await expectAccessible(page);

    await discardAll(page, `${new URL(page.url()).origin}/console/dead-letters?tenant=load-test`);
    await page.getByText('7 dead letters discarded.').waitFor();
    await page.getByText('No dead letter waits here.').waitFor();
    const discarded = await api.request<{ data: { tenant: string | null }[] }>(
      '/dead-letters?state=discarded',
    );
    expect(discarded.body.data.map(({ tenant }) => tenant === 'load-test')).toHaveLength(8);

    const viewer = await addUser('vera', 'viewer', 'load-test');
    const scoped = await open('/dead-letters?state=any', { as: viewer });
    await expect.poll(() => scoped.locator('[data-row]').count()).toBe(7);
    expect(await scoped.getByText(HOSTILE).count()).toBe(0);
    expect(await scoped.getByRole('button', { name: 'Replay all' }).count()).toBe(0);
    await scoped.locator('[data-row]').first().click();
    await scoped.getByText('Operators can fix, replay and discard it.').waitFor();
    expect(await scoped.getByRole('button', { name: /replay/i }).count()).toBe(0);
  },
  TIMEOUT_MS,
);

/** The confirmation names the number and the filter. */
async function discardAll(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('button', { name: 'Discard all' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('invalid_used_amount 7').waitFor();
  expect(await dialog.textContent()).toContain('Discard the 7 dead letters that wait with tenant');
  expect(await dialog.getByRole('listitem').count()).toBe(5);
  await expectAccessible(page);
  await dialog.getByLabel('Note').fill('test traffic');
  await dialog.getByRole('button', { name: 'Discard 7 dead letters' }).click();
}

function grouped(amount: string): string {
  return amount.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, '\u202f');
}
