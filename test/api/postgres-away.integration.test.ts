import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { authorization, createTestApp } from './api-fixture.ts';
import { insertBatch } from '../usage/rows-fixture.ts';

let services: IsolatedServices;
let proxy: TcpProxy;
let pool: Pool;
let app: Api;

beforeAll(async () => {
  services = await isolatedServices();
  proxy = await startTcpProxy(services.databaseUrl);
  pool = createPool(proxy.url, { name: 'test api', logger: pino({ level: 'silent' }) });
  const check = async () => {
    await pool.query('SELECT 1');
  };
  ({ app } = await createTestApp({ pool, readinessChecks: [{ name: 'postgres', check }] }));
  await insertBatch(pool, [{}]);
});

beforeEach(() => {
  proxy.heal();
});

afterAll(async () => {
  await app.close();
  await pool.end();
  await proxy.close();
  await services.close();
});

const list = (query = '') =>
  app.inject({ url: `/api/v1/pulses${query}`, headers: authorization() });
const ready = () => app.inject({ url: '/health/ready' });

test('is 503 and not ready while Postgres is unavailable, and recovers without a restart', async () => {
  expect((await list()).statusCode).toBe(200);
  expect((await ready()).statusCode).toBe(200);
  proxy.cut();
  for (let attempt = 0; attempt < 3; attempt++) {
    const res = await list();
    expect(res.statusCode).toBe(503);
    expect(res.json()).toMatchObject({ code: 'PULSE_API_UNAVAILABLE' });
    expect(res.headers['retry-after']).toBe('5');
  }
  expect((await ready()).statusCode).toBe(503);
  expect((await ready()).json()).toMatchObject({ checks: [{ name: 'postgres', ready: false }] });
  expect((await app.inject({ url: '/health/live' })).statusCode).toBe(200);
  proxy.heal();
  await eventually(async () => (await list()).statusCode).toBe(200);
  expect((await ready()).statusCode).toBe(200);
});

test.each([
  ['the connection is cut', '', 'flush_batches'],
  ['the server ends the session', '', 'flush_batches'],
  // The first statement of a walk is in no transaction.
  ['the connection ends without a code', '?after=0', 'pulses'],
])('a query in flight when %s is 503, and the next one works: %j', async (how, query, table) => {
  const lock = await pool.connect();
  await lock.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
  const answer = list(query);
  const waiting = `SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  await eventually(async () => (await pool.query(waiting)).rowCount).toBe(1);
  if (how !== 'the server ends the session') {
    if (how === 'the connection is cut') proxy.cut();
    else proxy.hangUp();
    lock.release(true);
  } else {
    await pool.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS w`);
    await lock.query('ROLLBACK');
    lock.release();
  }
  const res = await answer;
  expect(res.statusCode).toBe(503);
  expect(res.body).not.toMatch(/terminat|connection/i);
  proxy.heal();
  await eventually(async () => (await list()).statusCode).toBe(200);
});
