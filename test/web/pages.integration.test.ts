/** Every page, as each role and with the key of one tenant. With `SCREENSHOTS`, a folder, also takes their pictures. */
import { mkdir } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import {
  expectAccessible,
  openConsole,
  type ConsoleCaller,
  type ConsoleTest,
} from './console-fixture.ts';
import { addSampleData, sampleEnv } from './sample-data.ts';

interface PageCase {
  readonly path: string;
  readonly title: string;
  /** What stands there once it has loaded. */
  readonly shows: string;
}

const OF_ALL = [
  { path: '/', title: 'Overview', shows: 'Counting, with things to see to' },
  { path: '/load-test', title: 'Load test', shows: 'In the journal' },
  { path: '/health', title: 'Health', shows: 'ok' },
] as const;
const OF_TENANTS = [
  { path: '/usage?range=last_7_days&group_by=tenant', title: 'Usage', shows: 'acme' },
  { path: '/pulses?range=last_7_days', title: 'Pulses', shows: 'object-storage' },
  { path: '/dead-letters', title: 'Dead letters', shows: 'amount_not_positive' },
  { path: '/orders', title: 'Orders', shows: 'completed' },
  { path: '/subscriptions', title: 'Subscriptions', shows: 'active' },
  { path: '/catalogue', title: 'Catalogue', shows: 'Acme Inc.' },
  { path: '/events/messages', title: 'Events', shows: 'invoice.paid' },
  { path: '/events/endpoints', title: 'Events', shows: 'acme-hooks' },
] as const;
/** Workflows and exports belong to callers, not to tenants. */
const OF_CALLER = [
  { path: '/workflows', title: 'Workflows', shows: 'invoice' },
  { path: '/exports', title: 'Exports', shows: 'usage' },
] as const;
const ACCESS = { path: '/access', title: 'Access', shows: 'admin' } as const;

test('every page shows what its caller may see', { timeout: 300_000 }, async () => {
  const system = await openConsole(sampleEnv());
  await addSampleData(system);
  const admin = await opened(system, system.admin);
  // The overview comes last: its lines need a minute.
  for (const page of [...OF_TENANTS, ...OF_CALLER, ACCESS, ...OF_ALL.toReversed()]) {
    await shown(admin, page);
    await expectAccessible(admin);
    await takePicture(admin, page);
  }
  const operator = await opened(system, await system.addUser('olga', 'operator'));
  for (const page of [...OF_ALL, ...OF_TENANTS]) await shown(operator, page);
  await refused(operator, ACCESS, 'This page is for the role admin. You are operator.');

  const viewer = await opened(system, await system.addUser('vera', 'viewer'));
  for (const page of [OF_ALL[0], ...OF_TENANTS]) await shown(viewer, page);
  for (const page of [OF_ALL[1], OF_ALL[2]]) {
    await refused(viewer, page, 'This page is for the role operator. You are viewer.');
  }
  await refused(viewer, ACCESS, 'This page is for the role admin. You are viewer.');

  const { body } = await system.api.post<{ key: string }>('/keys', {
    name: 'support of acme',
    role: 'operator',
    tenants: ['acme'],
    expires_in_days: 1,
  });
  const scoped = await opened(system, { key: body.key });
  await scoped.waitForURL(/\/console\/usage\?/);
  for (const page of OF_TENANTS) {
    await shown(scoped, page);
    expect(await scoped.getByText(/globex/i).count(), page.path).toBe(0);
  }
  for (const { path, title } of OF_CALLER) {
    await shown(scoped, { path, title, shows: 'There are no such' });
  }
  for (const page of [OF_ALL[1], OF_ALL[2]]) {
    await refused(scoped, page, 'This page is about all tenants, and you may see some of them.');
  }
  await refused(scoped, ACCESS, 'This page is for the role admin. You are operator.');
});

async function opened(system: ConsoleTest, as: ConsoleCaller): Promise<Page> {
  return system.open('/', { as });
}

/** Goes there by the address, as a colleague who got a link. */
async function shown(page: Page, { path, title, shows }: PageCase): Promise<void> {
  await page.goto(new URL(`/console${path}`, page.url()).href);
  await page.getByRole('heading', { name: title, exact: true, level: 1 }).waitFor();
  const main = page.getByRole('main');
  await main.getByText(shows).first().waitFor();
  await expect.poll(() => main.locator('[aria-busy=true]').count()).toBe(0);
  expect(await main.getByRole('alert').allTextContents(), path).toEqual([]);
  expect(await linked(page, title), path).toBe(1);
}

async function refused(page: Page, { path, title }: PageCase, why: string): Promise<void> {
  await page.goto(new URL(`/console${path}`, page.url()).href);
  await page.getByText(why).waitFor();
  expect(await linked(page, title), path).toBe(0);
}

/** How often the menu names it. */
async function linked(page: Page, title: string): Promise<number> {
  return page
    .getByRole('navigation', { name: 'Pages' })
    .getByRole('link', { name: title, exact: true })
    .count();
}

async function takePicture(page: Page, { path }: PageCase): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder === undefined || folder === '') return;
  await mkdir(folder, { recursive: true });
  const name = path === '/' ? 'overview' : path.slice(1).replace(/\?.*$/, '').replace('/', '-');
  // Charts and rates need a moment, and notes go away.
  await page.waitForTimeout(3_000);
  await page.screenshot({ path: `${folder}/console-${name}.png` });
}
