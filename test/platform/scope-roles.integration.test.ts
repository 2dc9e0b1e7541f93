import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runMigrations } from '../../src/platform/migrate.ts';
import { createPool } from '../../src/platform/postgres.ts';
import { assertRights } from '../../src/platform/postgres-rights.ts';
import { readAsTenants, SCOPE_ROLES } from '../../src/platform/scoped-postgres.ts';
import '../support/services-context.ts';

const logger = pino({ level: 'silent' });
const TOKEN = randomBytes(4).toString('hex');
/** A user like that of a hosted Postgres: owns only a database. */
const OWNER = `pulse_owner_${TOKEN}`;
const DATABASES = Array.from({ length: 4 }, (_, index) => `pulse_roles_${TOKEN}_${index}`);
const PASSWORD = randomBytes(8).toString('hex');
const ROLES = Object.values(SCOPE_ROLES);

let admin: Client;

beforeAll(async () => {
  admin = new Client({ connectionString: inject('services').DATABASE_URL });
  await admin.connect();
  await admin.query(`CREATE ROLE ${OWNER} LOGIN PASSWORD '${PASSWORD}'`);
  for (const name of DATABASES) await admin.query(`CREATE DATABASE ${name} OWNER ${OWNER}`);
});
afterAll(async () => {
  for (const name of DATABASES) await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
  await admin.query(`DROP ROLE ${OWNER}`);
  await admin.end();
});

function urlOf(database: string, user?: string): string {
  const url = new URL(inject('services').DATABASE_URL);
  url.pathname = `/${database}`;
  if (user !== undefined) Object.assign(url, { username: user, password: PASSWORD });
  return url.href;
}

test('two databases of one cluster can be migrated at the same time', async () => {
  const urls = DATABASES.slice(1).map((name) => urlOf(name));
  const runs = await Promise.all(urls.map((url) => runMigrations(url, logger)));
  expect(runs.every((names) => names.length > 0)).toBe(true);
});

test('a user who may not create the roles is told what an administrator must do', async () => {
  const url = urlOf(DATABASES[0]!, OWNER);
  await expect(runMigrations(url, logger)).rejects.toThrow(
    `GRANT pulse_all_tenants, pulse_some_tenants TO "${OWNER}";`,
  );
  // The roles are also needed if another user migrated the database.
  const pool = createPool(url, { name: 'test', logger });
  await expect(assertRights(pool, { migrating: false })).rejects.toThrow('GRANT pulse_all_tenants');

  for (const role of ROLES) await admin.query(`GRANT ${role} TO ${OWNER}`);
  expect((await runMigrations(url, logger)).length).toBeGreaterThan(0);
  await assertRights(pool, { migrating: false });
  const count = await readAsTenants(pool, ['acme'], async (client) => {
    return (await client.query('SELECT FROM pulses')).rowCount;
  });
  expect(count).toBe(0);
  await pool.end();
});
