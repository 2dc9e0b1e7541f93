/** The console in a real browser, in front of a whole running system. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { openFlow, PASSWORD, type Flow } from '../flows/flow-fixture.ts';
import { loginToApi, type ApiClient } from '../support/api-client.ts';
import { launchChromium } from '../support/chromium.ts';
import { temporaryDirectory } from '../support/pulse-process.ts';

export interface ConsoleUser {
  readonly username: string;
  readonly password: string;
}

export interface ConsoleTest {
  readonly flow: Flow;
  /** As the administrator. */
  readonly api: ApiClient;
  /** The origin of the API. */
  readonly origin: string;
  readonly admin: ConsoleUser;
  /**
   * Opens a path of the console, such as `/usage?tenant=acme`, in a browser of its own and logs in. When the test ends,
   * it fails if the page has reported an error or asked another origin.
   */
  readonly open: (path: string, options?: OpenOptions) => Promise<Page>;
  /** Adds a user of some tenants. */
  readonly addUser: (username: string, role: string, ...tenants: string[]) => Promise<ConsoleUser>;
}

/** Who logs in. */
export type ConsoleCaller = ConsoleUser | { readonly key: string };

interface OpenOptions {
  readonly as?: ConsoleCaller;
  readonly width?: number;
  readonly colorScheme?: 'light' | 'dark';
  readonly timezoneId?: string;
  /** A script that runs before those of the page. */
  readonly before?: string;
}

const HEIGHT = 900;
const WIDTH = 1_280;

let browser: Promise<Browser> | undefined;

/** Starts a system with `pulse start`. Everything ends with the test. */
export async function openConsole(env: Record<string, string> = {}): Promise<ConsoleTest> {
  const flow = await openFlow(env);
  const { ready } = await flow.start('start');
  const origin = ready.api!;
  const admin = { username: ready.username!, password: PASSWORD };
  return {
    flow,
    origin,
    admin,
    api: await loginToApi({ api: origin, ...admin }),
    async open(path, options = {}) {
      const page = await newPage(origin, options);
      await page.goto(`${origin}/console${path}`);
      await logIn(page, options.as ?? admin);
      return page;
    },
    async addUser(username, role, ...tenants) {
      const password = `the password of ${username}`;
      const scope =
        tenants.length === 0
          ? ['--all-tenants']
          : tenants.flatMap((tenant) => ['--tenant', tenant]);
      const file = join(temporaryDirectory(), 'password.txt');
      writeFileSync(file, password);
      const args = ['users', 'add', username, '--role', role, ...scope, '--password-file', file];
      const added = await flow.run(args);
      expect(added.exitCode, added.stderr).toBe(0);
      return { username, password };
    },
  };
}

export async function logIn(page: Page, caller: ConsoleCaller): Promise<void> {
  if ('key' in caller) {
    await page.getByRole('button', { name: 'Use a key' }).click();
    await page.locator('input[name=key]').fill(caller.key);
  } else {
    await page.getByLabel('Username').fill(caller.username);
    await page.locator('input[name=password]').fill(caller.password);
  }
  await page.getByRole('button', { name: 'Log in' }).click();
  // By its attribute: the menu of a narrow screen is hidden.
  await page.locator('nav[aria-label=Pages]').waitFor({ state: 'attached' });
}

/** Fails with what axe finds wrong: what people with a screen reader or poor sight could not use. */
export async function expectAccessible(page: Page): Promise<void> {
  // What fades in or out has little contrast for a moment.
  await page.evaluate(`Promise.allSettled(document.getAnimations()
    .filter((animation) => animation instanceof CSSTransition)
    .map(({ finished }) => finished))`);
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const found = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return found.violations.map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ html, failureSummary }) => `${html} ${failureSummary ?? ''}`),
    }));
  });
  expect(violations).toEqual([]);
}

/** Opens a dialog by its button and fills its first field, without a mouse. The dialog has brought the focus there. */
export async function typeIntoDialog(page: Page, button: string, text: string): Promise<void> {
  await page.getByRole('button', { name: button, exact: true }).press('Enter');
  await page.getByRole('dialog').locator('input:focus').waitFor();
  await page.keyboard.type(text);
}

async function newPage(
  origin: string,
  { width = WIDTH, colorScheme = 'light', timezoneId = 'Europe/Berlin', before = '' }: OpenOptions,
): Promise<Page> {
  browser ??= launchChromium();
  const context = await (
    await browser
  ).newContext({ viewport: { width, height: HEIGHT }, colorScheme, timezoneId, locale: 'en-GB' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await context.addInitScript(before);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // The browser itself reports an answer that is no success, which the page shows.
    if (message.type() !== 'error' || message.text().startsWith('Failed to load resource')) return;
    complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && !['data:', 'blob:'].includes(url.protocol)) {
      complaints.push(`asked ${request.url()}`);
    }
  });
  onTestFinished(async () => {
    await context.close();
    expect(complaints).toEqual([]);
  });
  return page;
}
