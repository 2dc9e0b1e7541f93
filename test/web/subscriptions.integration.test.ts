import { expect, test } from 'vitest';
import { expectAccessible, openConsole } from './console-fixture.ts';

const HOSTILE = `<img src=x onerror="alert(1)"> \u202Eevil 🚀`;

test('a subscription is canceled, restarted later, and that is withdrawn', async () => {
  const { flow, api, open } = await openConsole({ ADMISSION: 'observe' });
  const sku = 'A'.repeat(128);
  const purchased = await api.post<{ id: string }>('/subscriptions', { user_id: HOSTILE, sku });
  expect(purchased.status).toBe(201);
  const pulse = { tenant: HOSTILE, product_sku: 'cpu', use_unity: 'h', used_amount: '1' };
  await flow.producer.publish([{ body: JSON.stringify(pulse) }]);

  const page = await open('/subscriptions');
  await page.locator('[data-row]', { hasText: HOSTILE }).click();
  await page.getByRole('heading', { name: `${sku} for ${HOSTILE}` }).waitFor();
  await expectAccessible(page);

  await page.getByRole('button', { name: 'Cancel subscription' }).click();
  const dialog = page.getByRole('dialog');
  expect(await dialog.textContent()).toContain(`${HOSTILE} no longer has ${sku} from now on.`);
  await dialog.getByRole('button', { name: 'Cancel subscription' }).click();
  await page.getByText('It is canceled.').waitFor();

  await page.getByRole('button', { name: 'Restart subscription' }).click();
  const nextYear = new Date().getUTCFullYear() + 1;
  await dialog.getByLabel('When').fill(`${nextYear}-07-01T12:00:00`);
  // At once: what is on the screen is what is sent.
  await dialog.getByRole('button', { name: 'Restart subscription' }).click();
  const changes = page.getByRole('list', { name: 'Changes' });
  await changes.getByText('restarted, scheduled').waitFor();
  // Berlin is two hours ahead in July.
  const instant = await changes
    .locator('li')
    .first()
    .locator('time')
    .first()
    .getAttribute('datetime');
  expect(instant).toBe(`${nextYear}-07-01T10:00:00.000Z`);

  await changes.getByRole('button', { name: 'Withdraw' }).click();
  await dialog.getByRole('button', { name: 'Withdraw' }).click();
  await changes.getByText('restarted, withdrawn').waitFor();
  await page.getByRole('button', { name: 'Restart subscription' }).click();
  await dialog.getByLabel('When').fill(`${nextYear}-07-01T12:00:00`);
  await dialog.getByText(`again from ${nextYear}-07-01 12:00:00 on.`).waitFor();
  await expectAccessible(page);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await changes.getByText('withdrawn by admin').waitFor();

  await page.setViewportSize({ width: 390, height: 900 });
  await expectAccessible(page);
  await page.getByRole('link', { name: 'Usage without one' }).click();
  await expect
    .poll(
      async () => {
        await page.reload();
        await page.getByRole('heading', { name: 'Subscriptions' }).waitFor();
        return page.getByText(HOSTILE).count();
      },
      { timeout: 30_000, interval: 1_000 },
    )
    .toBe(1);
  await expectAccessible(page);
}, 120_000);
