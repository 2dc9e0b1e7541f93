import { chromium, type Browser, type Page } from 'playwright-core';
import { findProgram, usualSearch } from '../../src/private-servers/programs.ts';
import { startBenchApi } from '../api-process.ts';
import { fillApiRows } from '../api-rows.ts';
import { createInstallation } from '../installation.ts';
import type { Measured, OpenedScenario, Round, Scenario } from '../scenario.ts';
import { median } from '../statistics.ts';

const DEAD_LETTERS = 10_000;
const VISITS = 5;
const PAUSE_MS_MAX = 100;
const WIDTH = 1_280;
const HEIGHT = 900;

/** What a person with a cold cache waits for, and whether the longest list scrolls. */
export const consolePages: Scenario = {
  name: 'console',
  measured:
    'ms from the address to the first page with its figures, nothing cached, with 1,000,000 rows and 10,000 dead letters',
  against: '',
  unit: 'ms',
  judgement: 'value at most',
  mustReach: 1_500,
  aim: 750,
  conditions: (rounds: readonly Round[]) => {
    const value = median(rounds.map(({ product }) => product.details?.longest_pause_ms ?? 0));
    const name = 'longest pause in ms while 10,000 dead letters scroll by';
    return [{ name, value, atMost: PAUSE_MS_MAX, passed: value <= PAUSE_MS_MAX }];
  },
  open: async (context): Promise<OpenedScenario> => {
    const installation = await createInstallation(context);
    const { pool } = installation;
    const rowCount = context.quick ? 100_000 : 1_000_000;
    const timeMs = Date.parse(context.timestamp);
    await fillApiRows(pool, { rowCount, timeMs, tell: context.tell });
    await pool.query(FILL_DEAD_LETTERS, [DEAD_LETTERS]);
    await pool.query('VACUUM ANALYZE dead_letters');
    const { api, authorization } = await startBenchApi(context, installation);
    const worker = await installation.startWorker();
    const browser = await launch();
    const visit = (path: string) =>
      open(browser, `${api.ready.api ?? ''}/console${path}`, authorization);
    return {
      prepare: () => context.servers.rest(),
      async product(): Promise<Measured> {
        const timesMs: number[] = [];
        for (let index = 0; index < VISITS; index++) timesMs.push(await firstPageMs(visit));
        return {
          value: median(timesMs),
          details: { ...(await scrollThrough(visit)), slowest_ms: Math.max(...timesMs) },
        };
      },
      async verify() {
        const { page } = await visit('/');
        const card = page.getByRole('region', { name: 'Dead letters' });
        await card.getByText('10\u202f000', { exact: true }).waitFor();
      },
      async close() {
        await browser.close();
        await worker.close();
        await api.close();
        await installation.close();
      },
    };
  },
};

type Visit = (path: string) => Promise<{ readonly page: Page; readonly startedMs: number }>;

/** In a browser profile of its own that has logged in, as after the login. */
async function open(browser: Browser, address: string, authorization: string): ReturnType<Visit> {
  const context = await browser.newContext({ viewport: { width: WIDTH, height: HEIGHT } });
  const token = authorization.replace('Bearer ', '');
  const session = JSON.stringify({ token, expiresAtMs: Date.now() + 3_600_000 });
  await context.addInitScript(
    `sessionStorage.setItem('pulse-session', ${JSON.stringify(session)})`,
  );
  const page = await context.newPage();
  const startedMs = performance.now();
  await page.goto(address);
  return { page, startedMs };
}

async function firstPageMs(visit: Visit): Promise<number> {
  const { page, startedMs } = await visit('/');
  await page.getByRole('region', { name: 'Dead letters' }).getByText('10\u202f000').waitFor();
  await page.getByRole('button', { name: 'Pause ingest' }).waitFor();
  const elapsedMs = performance.now() - startedMs;
  await page.context().close();
  return elapsedMs;
}

/** Turns the wheel until the last row: the pages of the list load on the way. */
async function scrollThrough(visit: Visit): Promise<Record<string, number>> {
  const { page } = await visit('/dead-letters');
  await page.locator('[data-row]').first().waitFor();
  const found = await page.evaluate<{ pauseMs: number; rows: number; seconds: number }>(SCROLL);
  await page.context().close();
  if (found.rows < DEAD_LETTERS) throw new Error(`The list ended after ${found.rows} rows.`);
  return { longest_pause_ms: found.pauseMs, scroll_seconds: found.seconds };
}

/** One screen a frame. The list is at its end when it has stopped growing for a second. */
const SCROLL = `new Promise((resolve) => {
  const frame = document.querySelector('.table-frame');
  const begun = performance.now();
  let [last, movedAt, pauseMs] = [begun, begun, 0];
  const step = (now) => {
    pauseMs = Math.max(pauseMs, now - last);
    last = now;
    const before = frame.scrollTop;
    frame.scrollTop += frame.clientHeight;
    if (frame.scrollTop !== before) movedAt = now;
    if (now - movedAt < 1000) requestAnimationFrame(step);
    else resolve({ pauseMs, rows: Math.round(frame.scrollHeight / 37), seconds: (movedAt - begun) / 1000 });
  };
  requestAnimationFrame(step);
})`;

async function launch(): Promise<Browser> {
  const executablePath = findProgram('chromium', usualSearch());
  if (executablePath === null) throw new Error('This scenario needs Chromium: install chromium.');
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
}

const FILL_DEAD_LETTERS = `
  INSERT INTO dead_letters (id, reason, detail, body, message_id, exchange, routing_key, received_at)
  SELECT gen_random_uuid(), (ARRAY['amount_not_positive', 'invalid_tenant', 'malformed_json'])[1 + number % 3],
         'used_amount must be greater than 0.', convert_to(format('{"tenant":"acme","id":"%s"}', number), 'UTF8'),
         'message-' || number, '', 'pulses', clock_timestamp() - number * interval '1 second'
  FROM generate_series(1, $1::integer) AS number`;
