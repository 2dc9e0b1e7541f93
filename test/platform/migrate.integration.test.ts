import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { REJECTION_REASONS } from '../../src/contract/rejection.ts';
import { pendingMigrations, runMigrations } from '../../src/platform/migrate.ts';
import '../support/services-context.ts';

const logger = pino({ level: 'silent' });
const DATABASE = `pulse_migrate_${process.pid}`;
let url: string;
let admin: Client;

beforeAll(async () => {
  admin = new Client({ connectionString: inject('services').DATABASE_URL });
  await admin.connect();
  const changed = new URL(inject('services').DATABASE_URL);
  changed.pathname = `/${DATABASE}`;
  url = changed.href;
});
beforeEach(async () => {
  await admin.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
  await admin.query(`CREATE DATABASE ${DATABASE}`);
});
afterAll(async () => {
  await admin.query(`DROP DATABASE IF EXISTS ${DATABASE} WITH (FORCE)`);
  await admin.end();
});

async function query(sql: string, values: unknown[] = []) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, values)).rows;
  } finally {
    await client.end();
  }
}

/** In this database alone: other tests wait for locks, too. */
const WAITS_FOR_ADVISORY_LOCK = `
  SELECT count(*) = 1 AS yes FROM pg_stat_activity
  WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'`;

/** Asks without a pause, because the test may have stopped all timers. */
async function untilTrue(client: Client, question: string): Promise<void> {
  for (let tries = 0; tries < 20_000; tries += 1) {
    const { rows } = await client.query<{ yes: boolean }>(question);
    if (rows[0]?.yes === true) return;
  }
  throw new Error(`It did not come true: ${question}`);
}

describe('migrations', () => {
  test('run in the order of their names, once', async () => {
    const pending = await pendingMigrations(url);
    expect(pending[0]).toBe('0001_settings');
    expect(await runMigrations(url, logger)).toEqual(pending);
    expect(await pendingMigrations(url)).toEqual([]);
    expect(await runMigrations(url, logger)).toEqual([]);
  });

  test('listing the pending ones changes nothing', async () => {
    await pendingMigrations(url);
    expect(await query("SELECT FROM pg_tables WHERE schemaname = 'public'")).toEqual([]);
  });

  test('run once when several processes start them at the same time', async () => {
    const runs = await Promise.all(Array.from({ length: 4 }, () => runMigrations(url, logger)));
    expect(runs.filter((names) => names.length > 0)).toHaveLength(1);
    expect(await pendingMigrations(url)).toEqual([]);
  });

  test('a failed one leaves the database unchanged', async () => {
    await query('CREATE TABLE users (id int)');
    await expect(runMigrations(url, logger)).rejects.toMatchObject({
      code: 'PULSE_POSTGRES_MIGRATIONS',
    });
    const tables = await query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'");
    expect(tables).toEqual([{ tablename: 'users' }]);
  });

  test('one may take as long as it needs', async () => {
    await query(`ALTER DATABASE ${DATABASE} SET statement_timeout = '5min'`);
    await query('CREATE TABLE limits (statement text, lock text)');
    await query(`CREATE FUNCTION wait_once() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
      IF EXISTS (SELECT FROM limits) THEN RETURN; END IF;
      INSERT INTO limits VALUES (current_setting('statement_timeout'), current_setting('lock_timeout'));
      PERFORM pg_advisory_xact_lock(1);
    END $$`);
    await query('CREATE EVENT TRIGGER slow ON ddl_command_start EXECUTE FUNCTION wait_once()');
    const blocker = new Client({ connectionString: url });
    await blocker.connect();
    await blocker.query('SELECT pg_advisory_lock(1)');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const running = runMigrations(url, logger);
      await untilTrue(blocker, WAITS_FOR_ADVISORY_LOCK);
      await vi.advanceTimersByTimeAsync(3_600_000);
      await blocker.query('SELECT pg_advisory_unlock(1)');
      expect(await running).not.toEqual([]);
    } finally {
      vi.useRealTimers();
      await blocker.end();
    }
    expect(await query('SELECT * FROM limits')).toEqual([{ statement: '0', lock: '1min' }]);
  });

  test('dead_letters accepts every reason of the closed list and no other', async () => {
    await runMigrations(url, logger);
    const insert = `INSERT INTO dead_letters (id, reason, detail, body)
                    SELECT gen_random_uuid(), reason, '', '' FROM unnest($1::text[]) AS reason`;
    await query(insert, [REJECTION_REASONS]);
    await expect(query(insert, [['because']])).rejects.toMatchObject({ code: '23514' });
  });
});

describe('ensure_pulses_partitions', () => {
  const ensure = (first: string, last: string) =>
    query('SELECT ensure_pulses_partitions($1, $2)', [first, last]);
  const partitions = async (): Promise<unknown[]> =>
    (
      await query(
        `SELECT inhrelid::regclass::text || ' ' || pg_get_expr(c.relpartbound, c.oid) AS line
         FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid
         WHERE inhparent = 'pulses'::regclass ORDER BY 1`,
      )
    ).map(({ line }) => line);

  beforeEach(async () => {
    await runMigrations(url, logger);
    await query(`ALTER DATABASE ${DATABASE} SET timezone TO 'Asia/Kolkata'`);
  });

  test('creates every month of the range in UTC, whatever the time zone of the session', async () => {
    await ensure('2023-12-31T23:00:00Z', '2024-02-01T00:00:00Z');
    await query(`ALTER DATABASE ${DATABASE} SET timezone TO 'UTC'`);
    expect(await partitions()).toEqual([
      "pulses_2023_12 FOR VALUES FROM ('2023-12-01 00:00:00+00') TO ('2024-01-01 00:00:00+00')",
      "pulses_2024_01 FOR VALUES FROM ('2024-01-01 00:00:00+00') TO ('2024-02-01 00:00:00+00')",
      "pulses_2024_02 FOR VALUES FROM ('2024-02-01 00:00:00+00') TO ('2024-03-01 00:00:00+00')",
    ]);
  });

  test('creates each month once when called many times at once', async () => {
    await Promise.all(
      Array.from({ length: 6 }, () => ensure('2024-01-05T00:00:00Z', '2024-03-05T00:00:00Z')),
    );
    expect(await partitions()).toHaveLength(3);
  });

  test('neither waits for readers of pulses nor blocks them', async () => {
    await ensure('2024-01-05T00:00:00Z', '2024-01-05T00:00:00Z');
    const reader = new Client({ connectionString: url });
    const maker = new Client({ connectionString: url, lock_timeout: 1_000 });
    await reader.connect();
    await maker.connect();
    await reader.query('BEGIN');
    await reader.query('SELECT count(*) FROM pulses');
    await maker.query('BEGIN');
    await maker.query("SELECT ensure_pulses_partitions('2024-05-01Z', '2024-05-01Z')");
    await reader.query("SET LOCAL lock_timeout = '1s'");
    await reader.query('SELECT count(*) FROM pulses');
    await maker.query('COMMIT');
    await reader.query('COMMIT');
    await reader.end();
    await maker.end();
    expect(await partitions()).toHaveLength(2);
  });

  test('a partition carries the checks and the indexes of the table', async () => {
    await ensure('2024-01-05T00:00:00Z', '2024-01-05T00:00:00Z');
    const insert = `INSERT INTO pulses (tenant, product_sku, use_unity, used_amount, pulse_count,
      window_start, flush_batch_id) VALUES ('t', 's', 'u', $1, $2, '2024-01-05Z', gen_random_uuid())`;
    await expect(query(insert, [0, 1])).rejects.toMatchObject({ code: '23514' });
    await expect(query(insert, [1, 0])).rejects.toMatchObject({ code: '23514' });
    await query(insert, ['9223372036854775807.999999999', 1]);
    const indexes = await query("SELECT FROM pg_indexes WHERE tablename = 'pulses_2024_01'");
    expect(indexes).toHaveLength(2);
  });
});
