import { createServer, type Server } from 'node:net';
import { once } from 'node:events';
import type { Pool } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { FatalError, TransientError } from '../../src/core/errors.ts';
import { createPool, waitForPostgres, withTransaction } from '../../src/platform/postgres.ts';
import { eventually } from '../support/eventually.ts';
import '../support/services-context.ts';

const logger = pino({ level: 'silent' });
let url: string;
let pool: Pool;

beforeAll(() => {
  url = inject('services').DATABASE_URL;
  pool = createPool(url, { name: 'pool test', logger, connectionCountMax: 2 });
});
afterAll(async () => {
  await pool.end();
});

async function terminate(pid: number): Promise<void> {
  await pool.query('SELECT pg_terminate_backend($1)', [pid]);
}

const PID_SQL = 'SELECT pg_backend_pid() AS pid';

describe('createPool', () => {
  test('its sessions have timeouts, a name and UTC', async () => {
    const { rows } = await pool.query<{ name: string; setting: string }>(
      `SELECT name, setting FROM pg_settings WHERE name IN ('TimeZone', 'statement_timeout',
       'lock_timeout', 'idle_in_transaction_session_timeout', 'application_name')`,
    );
    expect(Object.fromEntries(rows.map(({ name, setting }) => [name, setting]))).toEqual({
      TimeZone: 'UTC',
      application_name: 'pool test',
      statement_timeout: '30000',
      lock_timeout: '10000',
      idle_in_transaction_session_timeout: '60000',
    });
  });

  test('a connection that breaks while idle or in use is replaced, and nothing is thrown', async () => {
    const lent = await pool.connect();
    const { rows } = await lent.query<{ pid: number }>(PID_SQL);
    await terminate(rows[0]?.pid ?? 0);
    const ask = () => lent.query('SELECT 1').catch(() => 'an error');
    await eventually(ask).toBe('an error');
    lent.release(new Error('broken'));
    expect((await pool.query('SELECT 1')).rowCount).toBe(1);
  });
});

describe('withTransaction', () => {
  test('commits, and rolls back when the work throws', async () => {
    await pool.query('CREATE TABLE IF NOT EXISTS transaction_test (n int)');
    await withTransaction(pool, (client) =>
      client.query('INSERT INTO transaction_test VALUES (1)'),
    );
    const failing = withTransaction(pool, async (client) => {
      await client.query('INSERT INTO transaction_test VALUES (2)');
      throw new RangeError('mine');
    });
    await expect(failing).rejects.toThrow(RangeError);
    const { rows } = await pool.query('SELECT n FROM transaction_test');
    await pool.query('DROP TABLE transaction_test');
    expect(rows).toEqual([{ n: 1 }]);
  });

  test('work that swallows an error does not count as committed', async () => {
    const work = withTransaction(pool, async (client) => {
      await client.query('SELECT 1 / 0').catch(() => undefined);
    });
    await expect(work).rejects.toThrow('Postgres answered COMMIT with ROLLBACK');
  });

  test('a lost connection is a transient error, and its client leaves the pool', async () => {
    for (const sql of ['SELECT pg_sleep(0)', 'COMMIT']) {
      const lost = withTransaction(pool, async (client) => {
        const { rows } = await client.query<{ pid: number }>(PID_SQL);
        await terminate(rows[0]?.pid ?? 0);
        await client.query(sql);
      });
      await expect(lost).rejects.toThrow(TransientError);
    }
    expect((await pool.query('SELECT 1')).rowCount).toBe(1);
    expect(pool.waitingCount).toBe(0);
  });

  test.each([
    [
      "SELECT set_config('statement_timeout', '10', true); SELECT pg_sleep(5)",
      'PULSE_POSTGRES_BUSY',
    ],
    ["DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", 'PULSE_POSTGRES_BUSY'],
    ["DO $$ BEGIN RAISE SQLSTATE '57P03'; END $$", 'PULSE_POSTGRES_UNREACHABLE'],
    // As Postgres 17 and 16 raise them.
    ["DO $$ BEGIN RAISE SQLSTATE '25P04'; END $$", 'PULSE_POSTGRES_UNREACHABLE'],
    ["DO $$ BEGIN RAISE SQLSTATE '72000'; END $$", 'PULSE_POSTGRES_BUSY'],
  ])('%s is transient', async (sql, code) => {
    const work = withTransaction(pool, (client) => client.query(sql));
    await expect(work).rejects.toMatchObject({ name: 'TransientError', code });
  });

  test.each(['query_wait_timeout', 'no more connections allowed (max_client_conn)'])(
    'a PgBouncer that ends the session is unavailable: %s',
    async (reason) => {
      const fields = Buffer.from(`SFATAL\0C08P01\0M${reason}\0\0`);
      const head = Buffer.alloc(5, 'E');
      head.writeUInt32BE(fields.length + 4, 1);
      const pooler = createServer((socket) => {
        socket.once('data', () => socket.end(Buffer.concat([head, fields])));
      }).listen(0, '127.0.0.1');
      await once(pooler, 'listening');
      const { port } = pooler.address() as { port: number };
      const pooled = createPool(`postgres://me@127.0.0.1:${port}/pulse`, { name: 'test', logger });
      await expect(
        withTransaction(pooled, (client) => client.query('SELECT 1')),
      ).rejects.toMatchObject({ name: 'TransientError', code: 'PULSE_POSTGRES_UNREACHABLE' });
      await pooled.end();
      pooler.close();
    },
  );

  test('a mistake in what Postgres was sent is none of its outages', async () => {
    const work = withTransaction(pool, (client) => client.query('SELECT $1, $2', ['one']));
    await expect(work).rejects.toMatchObject({ name: 'error', code: '08P01' });
  });

  test("an error of the statement itself remains the driver's error", async () => {
    const work = withTransaction(pool, (client) => client.query('SELECT 1 / 0'));
    await expect(work).rejects.toMatchObject({ name: 'error', code: '22012' });
  });
});

describe('waitForPostgres', () => {
  test('resolves once Postgres answers', async () => {
    await waitForPostgres(url, { timeoutMs: 5_000, logger });
  });

  test('gives up in time, naming the variable and the server, never the password', async () => {
    const startedAtMs = Date.now();
    const waiting = waitForPostgres('postgres://me:topsecret@127.0.0.1:9/pulse', {
      timeoutMs: 600,
      logger,
    });
    const error = await waiting.catch((cause: unknown) => cause as Error);
    expect(error).toBeInstanceOf(FatalError);
    expect((error as Error).message).toBe(
      'DATABASE_URL: Postgres at postgres://127.0.0.1:9/pulse does not answer (ECONNREFUSED).',
    );
    expect(Date.now() - startedAtMs).toBeLessThan(5_000);
  });

  test('gives up in time on a server that accepts connections but never answers', async () => {
    const server: Server = createServer(() => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const silent = `postgres://me@127.0.0.1:${port}/pulse`;
    await expect(waitForPostgres(silent, { timeoutMs: 500, logger })).rejects.toMatchObject({
      code: 'PULSE_POSTGRES_UNREACHABLE',
    });
    server.close();
  });

  test('does not wait for a database that does not exist', async () => {
    const missing = new URL(url);
    missing.pathname = '/no_such_database';
    const startedAtMs = Date.now();
    await expect(waitForPostgres(missing.href, { timeoutMs: 20_000, logger })).rejects.toThrow(
      /has no such database/,
    );
    expect(Date.now() - startedAtMs).toBeLessThan(5_000);
  });
});
