import { Agent, get as httpGet, type IncomingMessage } from 'node:http';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startApi, type RunningApi } from '../../src/api/server.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import {
  authorization,
  fakeIdentities,
  forgeToken,
  OPTIONS,
  testDeps,
} from '../api/api-fixture.ts';
import { insertBatch } from './rows-fixture.ts';

const ROWS = 200_000;
const logger = pino({ level: 'silent' });
let services: IsolatedServices;
let pool: Pool;
let api: RunningApi;
const agent = new Agent({ maxSockets: 10 });

beforeAll(async () => {
  services = await isolatedServices();
  pool = createPool(services.databaseUrl, { name: 'export test', logger });
  const batchId = await insertBatch(pool, [{ tenant: 'first' }]);
  await pool.query(
    `INSERT INTO pulses (tenant, product_sku, use_unity, used_amount, pulse_count, window_start, flush_batch_id)
     SELECT 'tenant', 'sku-' || row, 'GB', 1, 1, '2026-01-31T13:00:00Z', $1 FROM generate_series(1, $2::integer) AS row`,
    [batchId, ROWS],
  );
  const identities = fakeIdentities({
    acme: { role: 'viewer', tenants: ['acme', 'tenant'] },
    globex: { role: 'viewer', tenants: ['globex', 'tenant'] },
  });
  api = await startApi(testDeps({ pool, identities }), {
    ...OPTIONS,
    host: '127.0.0.1',
    port: 0,
    closeTimeoutMs: 5_000,
  });
});
afterEach(async () => {
  await eventually(exportsInPostgres).toBe(0);
});
afterAll(async () => {
  agent.destroy();
  await api.close();
  await pool.end();
  await services.close();
});

const ALL_ROWS = 'usage.csv?group_by=product_sku';
const open = (path = ALL_ROWS, caller = 'alice') =>
  new Promise<IncomingMessage>((resolve, reject) => {
    const headers = authorization(forgeToken({ claims: { sub: caller } }));
    const request = httpGet(`${api.url}/api/v1/${path}`, { agent, headers });
    request.on('response', resolve).on('error', reject);
  });

/** The backends of open transactions. Autovacuum, which so many new rows start, is none of them. */
const OTHERS_AT_WORK = `FROM pg_stat_activity WHERE datname = current_database()
  AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND state <> 'idle'`;

async function exportsInPostgres(): Promise<number> {
  const { rows } = await pool.query<{ count: string }>(`SELECT count(*) ${OTHERS_AT_WORK}`);
  return Number(rows[0]?.count);
}

/** The same, by whether they open the cursor of an export. */
async function cursorsAndOthers(): Promise<unknown> {
  const { rows } = await pool.query(
    `SELECT count(*) FILTER (WHERE query LIKE 'DECLARE%')::integer AS cursors,
            count(*) FILTER (WHERE query NOT LIKE 'DECLARE%')::integer AS others ${OTHERS_AT_WORK}`,
  );
  return rows[0];
}

test('every row arrives, and the answer is marked as complete', async () => {
  const answer = await open();
  let lines = 0;
  for await (const chunk of answer) {
    for (const byte of chunk as Buffer) if (byte === 10) lines += 1;
  }
  // The header, the rows, and the row of the other SKU.
  expect(lines).toBe(ROWS + 2);
  expect(answer.complete).toBe(true);
});

test('a caller who does not read slows Postgres down, and memory stays constant', async () => {
  const answer = await open();
  answer.pause();
  await eventually(exportsInPostgres).toBe(1);
  // Fetched rows are in socket buffers, which are small; the rest is still in Postgres.
  expect(answer.readableLength).toBeLessThan(1_000_000);
  answer.destroy();
});

test('a caller who disconnects ends the transaction', async () => {
  const answer = await open();
  expect(await exportsInPostgres()).toBe(1);
  answer.destroy();
  await eventually(exportsInPostgres).toBe(0);
});

test('a caller who disconnects while Postgres adds up ends the statement', async () => {
  // Nothing is answered before the lock is released.
  const blocker = await pool.connect();
  try {
    await blocker.query('BEGIN; LOCK TABLE pulses IN ACCESS EXCLUSIVE MODE');
    const request = httpGet(`${api.url}/api/v1/usage.csv`, { agent, headers: authorization() });
    request.on('error', () => undefined);
    // The blocker's transaction, and the export that waits for it.
    await eventually(exportsInPostgres).toBe(2);
    request.destroy();
    // Well before lock_timeout, which is ten seconds.
    await eventually(exportsInPostgres, { timeout: 7_000 }).toBe(1);
  } finally {
    // Ends the transaction, so that a failure here is not one of the next test.
    blocker.release(true);
  }
});

test('a caller who disconnects ends the statement, although all turns of its tenants are taken', async () => {
  const ask = (path: string) =>
    httpGet(`${api.url}/api/v1/${path}`, { agent, headers: authorization() }).on(
      'error',
      () => undefined,
    );
  const blocker = await pool.connect();
  try {
    await blocker.query('BEGIN; LOCK TABLE pulses IN ACCESS EXCLUSIVE MODE');
    // Four turns, half of the connections that are for tenants.
    const exports = [ask('usage.csv'), ask('usage.csv')];
    const reads = [ask('pulses'), ask('pulses')];
    await eventually(exportsInPostgres).toBe(1 + exports.length + reads.length);
    for (const request of exports) request.destroy();
    await eventually(cursorsAndOthers).toEqual({ cursors: 0, others: 1 + reads.length });
    for (const request of reads) request.destroy();
  } finally {
    blocker.release(true);
  }
});

test('a failure midway does not look like a complete answer', async () => {
  const answer = await open();
  answer.pause();
  await eventually(exportsInPostgres).toBe(1);
  await pool.query(`SELECT pg_terminate_backend(pid) ${OTHERS_AT_WORK}`);
  const read = async () => {
    for await (const chunk of answer) expect(chunk).toBeDefined();
  };
  await expect(read()).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(answer.complete).toBe(false);
});

test('exports of one tenant above the limit are refused, and do not block another tenant', async () => {
  const acme = await Promise.all([open(ALL_ROWS, 'acme'), open(ALL_ROWS, 'acme')]);
  const refused = await open(ALL_ROWS, 'acme');
  expect(refused.statusCode).toBe(429);
  expect(refused.headers['retry-after']).toBe('5');
  refused.resume();
  const globex = await open(ALL_ROWS, 'globex');
  expect(globex.statusCode).toBe(200);
  for (const answer of [...acme, globex]) answer.destroy();
});

test('exports above the limit for all tenants are refused with Retry-After', async () => {
  const callers = ['acme', 'acme', 'globex', 'globex', 'alice'];
  const answers = await Promise.all(callers.map((caller) => open(ALL_ROWS, caller)));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200, 200]);
  const refused = await open();
  expect(refused.statusCode).toBe(503);
  expect(refused.headers['retry-after']).toBe('5');
  refused.resume();
  for (const answer of answers) answer.destroy();
  await eventually(async () => {
    const again = await open('usage.csv?limit=1');
    again.resume();
    return again.statusCode;
  }).toBe(200);
});
