import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { ApiClient } from '../support/api-client.ts';
import { expectAccessible, openConsole, typeIntoDialog } from './console-fixture.ts';

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
    await page.getByText('The original was not counted.').waitFor();
    // Of what is no JSON, nothing is said but that.
    await body.press('End');
    await body.pressSequentially('}');
    await page.getByText('malformed_json: The body is not JSON').waitFor();
    expect(await page.getByText('The id is not the same').count()).toBe(0);
    await body.press('Backspace');
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
    const result = page.getByRole('status').filter({ hasText: /^(It was|Refused)/ });
    await result.first().waitFor();
    const history = page.getByRole('list', { name: 'History' });
    await expect.poll(() => history.textContent()).toContain('the sign was wrong');
    await expect.poll(() => history.locator('li.good').textContent()).toContain('Replayed');
    await page.getByRole('heading', { name: 'What the fix changed' }).waitFor();
    await flow.settled({ counted: 1 });
    await expect
      .poll(() => result.allTextContents(), { timeout: 15_000 })
      .toEqual([
        'It was sent and not refused again. The usage of that hour rose by exactly its amount, ' +
          `from 0 to ${grouped(EXACT)}. ` +
          'Usage of cpu by acme in that hour ',
      ]);
    expect(await page.getByText('If it is refused again').count()).toBe(0);
    await page.getByText('Perhaps, by the replay of').waitFor();
    await expectAccessible(page);
    await page.getByRole('link', { name: 'Usage of cpu by acme in that hour' }).click();
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
    await page.getByText('To replay or discard many, choose a filter first.').waitFor();

    await page.getByRole('button', { name: 'Filters' }).click();
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
    await typeIntoDialog(page, 'Discard', 'a broken meter');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Replay after all' }).waitFor();
    await page.getByText('admin over the API: a broken meter').waitFor();
    await expectAccessible(page);

    const list = `${new URL(page.url()).origin}/console/dead-letters?tenant=load-test`;
    await replayAll(page, list);
    await stopDiscarding(page, list);
    await discardAll(page, list);
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
    await failNextPage(scoped);
    await scoped.locator('[data-row]').first().click();
    await scoped.getByText('Operators can fix, replay and discard it.').waitFor();
    expect(await scoped.getByRole('button', { name: /replay/i }).count()).toBe(0);
  },
  TIMEOUT_MS,
);

/** All are refused again, and both the dialog and the notes say so. */
async function replayAll(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await page.getByRole('button', { name: 'Replay all' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('All of these will wait here again').waitFor();
  expect(await dialog.getByText('It will be refused again.').count()).toBe(5);
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Replay 7 dead letters' }).click();
  await page.getByText('7 dead letters put back into the queue.').waitFor();
  await page.getByText('7 replayed. 7 wait here again: they were refused.').waitFor();
  await page.locator('[data-row]').first().click();
  await page.getByText('Refused again: invalid_used_amount.').first().waitFor();
}

test(
  'what somebody else has changed meanwhile is not sent',
  async () => {
    const { flow, api, open } = await openConsole();
    const pulse = { tenant: 'acme', product_sku: 'cpu', use_unity: 'h', used_amount: '-7' };
    await flow.producer.publish([{ body: JSON.stringify(pulse) }]);
    await flow.settled({ deadLetters: 1 });
    const page = await open('/dead-letters?tenant=acme');
    await page.locator('[data-row]').click();
    await page.getByRole('button', { name: 'Replay as it is' }).click();
    const dialog = page.getByRole('dialog');
    await fixByAnother(api, 'acme', JSON.stringify({ ...pulse, used_amount: '777' }));
    await dialog.getByRole('button', { name: 'Replay' }).click();
    await dialog.getByText('It has changed meanwhile').waitFor();
    expect(await flow.verify()).toMatchObject({ counted: 0, deadLetters: 1 });
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

/** Of 3,000, by an API that takes its time: stopped during the first step. */
async function stopDiscarding(page: Page, url: string): Promise<void> {
  const bodies: { dry_run?: boolean; to?: string }[] = [];
  let answer: () => void = () => undefined;
  const mayAnswer = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await page.route('**/dead-letters/discard', async (route) => {
    const body = route.request().postDataJSON() as (typeof bodies)[number];
    bodies.push(body);
    const dryRun = { matched: 3_000, by_reason: {}, first: [], dry_run: true, discarded: 0 };
    if (body.dry_run !== true) await mayAnswer;
    await route.fulfill({ json: body.dry_run === true ? dryRun : { ...dryRun, discarded: 1_000 } });
  });
  await page.goto(url);
  await typeIntoDialog(page, 'Discard all', 'test traffic');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.getByText('0 of 3\u202f000').waitFor();
  await page.keyboard.press('Escape');
  expect(await dialog.getByRole('button', { name: 'Close' }).isDisabled()).toBe(true);
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Stop' }).click();
  await dialog.getByText('Stopping after this step').waitFor();
  answer();
  await page
    .getByText('Stopped before all 3\u202f000 were done. 1\u202f000 dead letters discarded.')
    .waitFor();
  await dialog.waitFor({ state: 'hidden' });
  expect(bodies).toHaveLength(2);
  expect(bodies[1]?.to).toBe(bodies[0]?.to);
  expect(Date.parse(bodies[0]?.to ?? '')).toBeLessThanOrEqual(Date.now());
  await page.unroute('**/dead-letters/discard');
}

/** A page that fails is asked for once, and again when the user says so. */
async function failNextPage(page: Page): Promise<void> {
  const isList = (url: URL) => url.pathname.endsWith('/api/v1/dead-letters');
  let failed = 0;
  await page.route(isList, async (route) => {
    if (route.request().url().includes('after=')) {
      failed += 1;
      await route.fulfill({ status: 429, json: { title: 'Too fast', detail: `${failed}` } });
      return;
    }
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...((await response.json()) as object), next: 'x' } });
  });
  await page.reload();
  const alert = page.getByRole('alert');
  for (const times of ['1', '2']) {
    await alert.getByText(times, { exact: true }).waitFor();
    await page.evaluate(`fetch('/console/')`);
    expect(failed).toBe(Number(times));
    await page.getByRole('button', { name: 'Load more' }).click();
  }
  await alert.getByText('3', { exact: true }).waitFor();
  await page.unroute(isList);
}

function grouped(amount: string): string {
  return amount.replace(/\B(?<!\.\d*)(?=(\d{3})+(?!\d))/g, '\u202f');
}

async function fixByAnother(api: ApiClient, tenant: string, content: string): Promise<void> {
  const { body } = await api.request<{ data: { id: string }[] }>(`/dead-letters?tenant=${tenant}`);
  const fixed = await api.request(`/dead-letters/${body.data[0]!.id}/body`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ encoding: 'utf8', content }),
  });
  expect(fixed.status).toBe(200);
}
