import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Api } from '../../src/http/api-module.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { isolatedServices, type IsolatedServices } from '../support/isolated.ts';
import { authorization, createTestApp } from './api-fixture.ts';
import { insertBatch } from '../usage/rows-fixture.ts';

let services: IsolatedServices;
let wire: Wire;
let pool: Pool;
let app: Api;

beforeAll(async () => {
  services = await isolatedServices();
  wire = await startWire(services.databaseUrl);
  pool = createPool(wire.url, { name: 'test api', logger: pino({ level: 'silent' }) });
  const check = async () => {
    await pool.query('SELECT 1');
  };
  ({ app } = await createTestApp({ pool, readinessChecks: [{ name: 'postgres', check }] }));
  await insertBatch(pool, [{}]);
});

beforeEach(() => {
  wire.mend();
});

afterAll(async () => {
  await app.close();
  await pool.end();
  await wire.close();
  await services.close();
});

const list = () => app.inject({ url: '/api/v1/pulses', headers: authorization() });
const ready = () => app.inject({ url: '/health/ready' });

test('away and back: 503 and not ready meanwhile, no restart needed', async () => {
  expect((await list()).statusCode).toBe(200);
  expect((await ready()).statusCode).toBe(200);
  wire.cut();
  for (let attempt = 0; attempt < 3; attempt++) {
    const res = await list();
    expect(res.statusCode).toBe(503);
    expect(res.json()).toMatchObject({ code: 'PULSE_API_UNAVAILABLE' });
    expect(res.headers['retry-after']).toBe('5');
  }
  expect((await ready()).statusCode).toBe(503);
  expect((await ready()).json()).toMatchObject({ checks: [{ name: 'postgres', ready: false }] });
  expect((await app.inject({ url: '/health/live' })).statusCode).toBe(200);
  wire.mend();
  await expect.poll(async () => (await list()).statusCode).toBe(200);
  expect((await ready()).statusCode).toBe(200);
});

test.each(['the connection is cut', 'the server ends the session'])(
  'a query in flight when %s is 503, and the next one works',
  async (how) => {
    const lock = await pool.connect();
    await lock.query('BEGIN; LOCK TABLE flush_batches IN ACCESS EXCLUSIVE MODE');
    const answer = list();
    const waiting = `SELECT pid FROM pg_stat_activity
      WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    await expect.poll(async () => (await pool.query(waiting)).rowCount).toBe(1);
    if (how === 'the connection is cut') {
      wire.cut();
      lock.release(true);
    } else {
      await pool.query(`SELECT pg_terminate_backend(pid) FROM (${waiting}) AS w`);
      await lock.query('ROLLBACK');
      lock.release();
    }
    const res = await answer;
    expect(res.statusCode).toBe(503);
    expect(res.body).not.toMatch(/terminat|connection/i);
    wire.mend();
    await expect.poll(async () => (await list()).statusCode).toBe(200);
  },
);

interface Wire {
  readonly url: string;
  /** Breaks every connection and refuses further ones. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

/** A wire to Postgres that can be cut without touching the server that other tests use. */
async function startWire(url: string): Promise<Wire> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let isCut = false;
  const server: Server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = connect(Number(target.port), target.hostname);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.pipe(other);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        sockets.delete(one);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const wired = new URL(url);
  wired.port = String((server.address() as AddressInfo).port);
  const cut = () => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: wired.href,
    cut,
    mend: () => {
      isCut = false;
    },
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
