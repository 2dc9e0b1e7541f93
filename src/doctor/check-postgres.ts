/** What `pulse doctor` checks on Postgres. It creates and changes nothing. */
import type { Pool } from 'pg';
import type { Finding } from '../aggregate/redis-durability.ts';
import {
  readStoredSettings,
  windowMismatch,
  type InstallationOptions,
} from '../aggregate/settings.ts';
import { toError } from '../core/errors.ts';
import { newSessionMistakes, pendingMigrations } from '../platform/migrate.ts';
import { describeRights, missingRights, readRights } from '../platform/postgres-rights.ts';
import { whyCommitsWait, whyReadOnly } from '../platform/postgres-session.ts';
import { readAsTenants, SCOPE_ROLES } from '../platform/scoped-postgres.ts';
import { atLeast, danger, ok, warning } from './findings.ts';
import { runChecks } from './run-checks.ts';

/** @throws Error Postgres does not answer at all. */
export async function checkPostgres(
  url: string,
  pool: Pool,
  installation: InstallationOptions,
): Promise<Finding[]> {
  await pool.query('SELECT 1');
  let pending: readonly string[] | undefined;
  const findings = await runChecks([
    ['postgres version', () => checkServer(pool)],
    ['postgres database', () => checkDatabase(url)],
    ['postgres writes', () => checkWrites(pool)],
    [
      'postgres migrations',
      async () => {
        pending = await pendingMigrations(url);
        return pending.length === 0
          ? ok('postgres migrations', 'up to date')
          : danger('postgres migrations', `missing: ${pending.join(', ')}; run \`pulse migrate\``);
      },
    ],
  ]);
  const isMigrated = pending?.length === 0;
  const ofTables = await runChecks([
    ['postgres roles', () => checkRoles(pool, { migrating: !isMigrated })],
    [
      'settings',
      async () => (isMigrated ? checkSettings(await readStoredSettings(pool), installation) : []),
    ],
  ]);
  return [...findings, ...ofTables];
}

async function checkServer(pool: Pool): Promise<Finding[]> {
  const { rows } = await pool.query<{ name: string; setting: string }>(
    `SELECT name, setting FROM pg_settings
     WHERE name IN ('server_version', 'fsync', 'full_page_writes', 'synchronous_commit')`,
  );
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]));
  return [
    atLeast('postgres version', settings.get('server_version') ?? 'unknown', '14.0'),
    mustNotBe('fsync', settings, 'off'),
    mustNotBe('full_page_writes', settings, 'off'),
    mustNotBe('synchronous_commit', settings, 'off'),
  ];
}

/** Of a new session: those of a pool may be older than a change of the settings. */
async function checkDatabase(url: string): Promise<Finding[]> {
  const name = 'postgres database';
  const mistakes = await newSessionMistakes(url);
  if (mistakes.length === 0) return [ok(name, 'encoding, schema and session settings fit')];
  return mistakes.map((mistake) => danger(name, mistake));
}

async function checkWrites(pool: Pool): Promise<Finding> {
  const name = 'postgres writes';
  const reason = (await whyReadOnly(pool)) ?? (await whyCommitsWait(pool));
  return reason === undefined ? ok(name, 'are accepted') : danger(name, reason);
}

/** Checks the rights, and then reads as each role, as the API does. */
async function checkRoles(pool: Pool, options: { migrating: boolean }): Promise<Finding> {
  const name = 'postgres roles';
  const rights = await readRights(pool);
  if (rights === undefined) return warning(name, 'not checked, because there is no schema');
  const lines = missingRights(rights, options);
  if (lines.length > 0) return danger(name, describeRights(rights, lines).replace(/\n\s*/g, ' '));
  if (options.migrating) return ok(name, 'can be created');
  for (const scope of ['all', []] as const) {
    try {
      await readAsTenants(pool, scope, (client) => client.query(READ_SCOPED));
    } catch (error) {
      const role = scope === 'all' ? SCOPE_ROLES.all : SCOPE_ROLES.some;
      return danger(name, `${role} cannot read its tables (${toError(error).message})`);
    }
  }
  return ok(name, 'keep tenants apart');
}

const READ_SCOPED = `SELECT (SELECT count(*) FROM (SELECT FROM pulses LIMIT 1) AS one),
  (SELECT count(*) FROM (SELECT FROM dead_letters LIMIT 1) AS one),
  (SELECT count(*) FROM (SELECT id FROM flush_batches LIMIT 1) AS one)`;

/** None before the first start, which stores the settings. */
function checkSettings(
  stored: ReadonlyMap<string, string>,
  { shards, windowSeconds }: InstallationOptions,
): Finding[] {
  const findings: Finding[] = [];
  const storedShards = stored.get('shards');
  if (storedShards !== undefined) {
    const detail = `SHARDS is ${shards}, but this installation uses ${storedShards}: set SHARDS=${storedShards}`;
    const isSame = storedShards === String(shards);
    findings.push(isSame ? ok('shards', storedShards) : danger('shards', detail));
  }
  const storedMinutes = stored.get('window_minutes');
  if (storedMinutes !== undefined) {
    const minutes = windowSeconds / 60;
    const isSame = storedMinutes === String(minutes);
    const name = 'window length';
    findings.push(
      isSame
        ? ok(name, `${minutes} minutes`)
        : danger(name, windowMismatch(minutes, storedMinutes)),
    );
  }
  return findings;
}

function mustNotBe(name: string, settings: ReadonlyMap<string, string>, bad: string): Finding {
  const value = settings.get(name) ?? 'unknown';
  return value === bad
    ? danger(
        `postgres ${name}`,
        `is ${bad}: a crash can lose rows that Redis no longer holds. Set it to on`,
      )
    : ok(`postgres ${name}`, value);
}
