import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { Client, type Pool } from 'pg';
import { pino } from 'pino';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  inject,
  onTestFinished,
  test,
} from 'vitest';
import { pendingMigrations, runMigrations } from '../../src/platform/migrate.ts';
import { createPool, waitForPostgres } from '../../src/platform/postgres.ts';
import { databaseMistakes, whyReadOnly } from '../../src/platform/postgres-session.ts';
import { readAsTenants } from '../../src/platform/scoped-postgres.ts';
import { insertBatch } from '../usage/rows-fixture.ts';
import { withClient, withPath } from '../support/servers.ts';
import '../support/services-context.ts';

const logger = pino({ level: 'silent' });
const TOKEN = randomBytes(4).toString('hex');
const DATABASE = `pulse_session_${TOKEN}`;
/** A typical user: owns a database and cannot create roles. */
const OWNER = `pulse_session_owner_${TOKEN}`;
const PASSWORD = 'geheim';

const serverUrl = () => inject('services').DATABASE_URL;
const asAdmin = (sql: string, database?: string) =>
  withClient(database === undefined ? serverUrl() : withPath(serverUrl(), database), (client) =>
    client.query(sql),
  );
let url: string;
const pools: Pool[] = [];

beforeAll(async () => {
  await asAdmin(`CREATE ROLE ${OWNER} LOGIN PASSWORD '${PASSWORD}'`);
  const changed = new URL(serverUrl());
  Object.assign(changed, { pathname: `/${DATABASE}`, username: OWNER, password: PASSWORD });
  url = changed.href;
  // Roles belong to the whole cluster, and another test file may have created them.
  const other = `${DATABASE}_roles`;
  await asAdmin(`CREATE DATABASE ${other}`);
  await runMigrations(withPath(serverUrl(), other), logger);
  await asAdmin(`DROP DATABASE ${other} WITH (FORCE)`);
  await asAdmin(`GRANT pulse_all_tenants, pulse_some_tenants TO ${OWNER}`);
});
afterAll(() => asAdmin(`DROP ROLE ${OWNER}`));
beforeEach(() => asAdmin(`CREATE DATABASE ${DATABASE} OWNER ${OWNER}`));
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.end()));
  await asAdmin(`DROP DATABASE ${DATABASE} WITH (FORCE)`);
});

function open(at = url): Pool {
  const pool = createPool(at, { name: 'session test', logger });
  pools.push(pool);
  return pool;
}

/** Reads as both roles, like the API. */
async function scopedCounts(at = url): Promise<number[]> {
  const pool = open(at);
  const read = async (client: Pick<Client, 'query'>) =>
    (await client.query('SELECT FROM pulses')).rowCount ?? 0;
  return [await readAsTenants(pool, 'all', read), await readAsTenants(pool, ['acme'], read)];
}

const schemasOf = async (table: string): Promise<unknown> =>
  (
    await asAdmin(
      `SELECT string_agg(relnamespace::regnamespace::text, ',' ORDER BY 1) AS schemas
       FROM (SELECT relnamespace FROM pg_class WHERE relname = '${table}' AND relkind = 'r') AS found`,
      DATABASE,
    )
  ).rows[0];

describe('a database', () => {
  test.each(['LATIN1', 'SQL_ASCII'])(
    'with the encoding %s is refused at start, before anything is created',
    async (encoding) => {
      await asAdmin(`DROP DATABASE ${DATABASE}`);
      await asAdmin(
        `CREATE DATABASE ${DATABASE} OWNER ${OWNER} ENCODING '${encoding}' LOCALE 'C' TEMPLATE template0`,
      );
      await expect(runMigrations(url, logger)).rejects.toMatchObject({
        code: 'PULSE_POSTGRES_UNUSABLE',
        message: expect.stringMatching(
          new RegExp(`encoding ${encoding}.*ENCODING 'UTF8'`),
        ) as string,
      });
      expect(await schemasOf('schema_migrations')).toEqual({ schemas: null });
    },
  );

  test('with other formats, encodings and time zones for its sessions works like any other', async () => {
    for (const setting of [
      `"DateStyle" = 'German'`,
      `"IntervalStyle" = 'iso_8601'`,
      `"TimeZone" = 'Asia/Kolkata'`,
      `client_encoding = 'LATIN1'`,
      'standard_conforming_strings = off',
      'array_nulls = off',
      `bytea_output = 'escape'`,
      'row_security = off',
      `default_transaction_isolation = 'serializable'`,
      'exit_on_error = on',
      'idle_session_timeout = 1',
    ]) {
      await asAdmin(`ALTER DATABASE ${DATABASE} SET ${setting}`);
    }
    await runMigrations(url, logger);
    const pool = open();
    expect(await databaseMistakes(pool)).toEqual([]);
    await insertBatch(pool, [{ tenant: `acme` }, { tenant: `b\\'😀` }]);
    const { rows } = await pool.query(
      `SELECT timestamptz '2026-02-03T04:05:06Z' AS at, '\\x00ff'::bytea AS bytes, text '😀' AS face,
              ($1::text[])[1] AS nothing`,
      [[null]],
    );
    const at = new Date('2026-02-03T04:05:06Z');
    expect(rows).toEqual([{ at, bytes: Buffer.from([0, 255]), face: '😀', nothing: null }]);
    expect(await scopedCounts()).toEqual([2, 1]);
    const odd = await readAsTenants(pool, [`b\\'😀`], (client) =>
      client.query('SELECT FROM pulses'),
    );
    expect(odd.rowCount).toBe(1);
  });

  test('that takes no writes is reported', async () => {
    expect(await whyReadOnly(open())).toBeUndefined();
    await asAdmin(`ALTER DATABASE ${DATABASE} SET default_transaction_read_only = on`);
    expect(await whyReadOnly(open())).toMatch(/^default_transaction_read_only is on/);
  });

  test.each([
    ['the database', `DATABASE ${DATABASE}`],
    ['the user', `ROLE ${OWNER}`],
  ])('without triggers is refused at start, because of %s, until it has them', async (_, whose) => {
    await asAdmin(`ALTER ${whose} SET session_replication_role = 'replica'`);
    // The database is dropped, and what it says of the user.
    onTestFinished(async () => void (await asAdmin(`ALTER ROLE ${OWNER} RESET ALL`)));
    const failure: unknown = await runMigrations(url, logger).catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: 'PULSE_POSTGRES_UNUSABLE',
      message: expect.stringMatching(
        /session_replication_role is "replica".* foreign keys/,
      ) as string,
    });
    expect(await schemasOf('schema_migrations')).toEqual({ schemas: null });
    const sql = /As an administrator: (.*)$/.exec((failure as Error).message)?.[1] ?? '';
    await asAdmin(sql);
    await runMigrations(url, logger);
    await asAdmin(sql.replace('origin', 'local'));
    expect(await databaseMistakes(open())).toEqual([]);
  });

  test('keeps the options of its URL, except those that Pulse relies on', async () => {
    const options = '-c search_path=billing -c TimeZone=Asia/Kolkata -c work_mem=5MB';
    const at = `${url}?options=${encodeURIComponent(options)}&application_name=mine`;
    await asAdmin(`CREATE SCHEMA billing AUTHORIZATION ${OWNER}`, DATABASE);
    const { rows } = await open(at).query(
      `SELECT current_schema() AS schema, current_setting('TimeZone') AS zone,
              current_setting('work_mem') AS memory, current_setting('DateStyle') AS style`,
    );
    expect(rows).toEqual([{ schema: 'billing', zone: 'UTC', memory: '5MB', style: 'ISO, MDY' }]);
  });
});

describe('tables in a separate schema', () => {
  test.each([
    ['of the search path', 'billing', 'billing'],
    ['that the search path calls "$user"', OWNER, '"$user", public'],
  ])('%s: migrations and the roles of tenants find them', async (_name, schema, path) => {
    await asAdmin(`CREATE SCHEMA ${schema} AUTHORIZATION ${OWNER}`, DATABASE);
    await asAdmin(`ALTER ROLE ${OWNER} IN DATABASE ${DATABASE} SET search_path = ${path}`);
    await runMigrations(url, logger);
    expect(await pendingMigrations(url)).toEqual([]);
    expect(await schemasOf('schema_migrations')).toEqual({ schemas: schema });
    await insertBatch(open(), [{ tenant: 'acme' }, { tenant: 'globex' }]);
    expect(await scopedCounts()).toEqual([2, 1]);
  });

  test('are still found where an earlier version kept its list of migrations in public', async () => {
    const at = `${url}?options=-c%20search_path%3Dbilling`;
    await asAdmin(`CREATE SCHEMA billing AUTHORIZATION ${OWNER}`, DATABASE);
    await runMigrations(at, logger);
    await asAdmin('ALTER TABLE billing.schema_migrations SET SCHEMA public', DATABASE);
    expect(await pendingMigrations(at)).toEqual([]);
    expect(await runMigrations(at, logger)).toEqual([]);
  });

  test('that does not exist is named at start', async () => {
    const at = `${url}?options=-c%20search_path%3Dmissing`;
    await expect(runMigrations(at, logger)).rejects.toMatchObject({
      code: 'PULSE_POSTGRES_UNUSABLE',
      message: expect.stringMatching(/search_path .*\(missing\) names no schema/) as string,
    });
  });

  test('may be a public schema whose rights were revoked from everybody', async () => {
    await asAdmin('REVOKE ALL ON SCHEMA public FROM PUBLIC', DATABASE);
    await runMigrations(url, logger);
    expect(await scopedCounts()).toEqual([0, 0]);
  });
});

test('a connection pooler that drops the session settings is noticed', async () => {
  await asAdmin(`ALTER DATABASE ${DATABASE} SET "DateStyle" = 'German'`);
  await runMigrations(url, logger);
  // What remains when PgBouncer ignores the startup parameters.
  const client = new Client({ connectionString: url });
  await client.connect();
  const mistakes = await databaseMistakes(client);
  await client.end();
  expect(mistakes).toHaveLength(1);
  expect(mistakes[0]).toContain(`ALTER ROLE "${OWNER}" SET DateStyle = 'ISO';`);
});

test("a connection pooler's error is shown, with the setting to change", async () => {
  const pooler = createServer((socket) => {
    const text = 'SFATAL\0C08P01\0Munsupported startup parameter: options\0\0';
    const answer = Buffer.alloc(5);
    answer.write('E');
    answer.writeInt32BE(text.length + 4, 1);
    socket.once('data', () => socket.end(Buffer.concat([answer, Buffer.from(text)])));
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => pooler.listen(0, '127.0.0.1', resolve));
  const at = `postgres://pulse:geheim@127.0.0.1:${(pooler.address() as AddressInfo).port}/pulse`;
  const failure: unknown = await waitForPostgres(at, { timeoutMs: 20_000, logger }).catch(
    (error: unknown) => error,
  );
  expect(failure).toMatchObject({
    code: 'PULSE_POSTGRES_UNREACHABLE',
    message: expect.stringMatching(
      /startup parameter options\..*ignore_startup_parameters/,
    ) as string,
  });
  pooler.close();
});

test('a migration that fails is named, and its text is in neither the error nor the log', async () => {
  const lines: string[] = [];
  const watched = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  await asAdmin('CREATE TABLE users (id int)', DATABASE);
  await asAdmin(`ALTER TABLE users OWNER TO ${OWNER}`, DATABASE);
  await expect(runMigrations(url, watched)).rejects.toMatchObject({
    code: 'PULSE_POSTGRES_MIGRATIONS',
    message:
      'Migration 0004_users failed, and nothing was changed: relation "users" already exists',
  });
  expect(lines.join()).not.toMatch(/CREATE|password/);
});
