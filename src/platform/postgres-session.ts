/** The settings of every Postgres session, and whether a database can be used at all. */
import type { Pool } from 'pg';
import { FatalError } from '../core/errors.ts';

/**
 * What the code relies on, whatever the defaults of the server, the database and the user are: texts in UTF-8,
 * times and intervals in the formats that the driver parses, arrays that can hold NULL, row-level security that
 * filters, connections that stay after an error and while nothing is asked.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  client_encoding: 'UTF8',
  TimeZone: 'UTC',
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  bytea_output: 'hex',
  standard_conforming_strings: 'on',
  array_nulls: 'on',
  row_security: 'on',
  default_transaction_isolation: 'read committed',
  exit_on_error: 'off',
  idle_session_timeout: '0',
};

/** The setting that switches triggers and foreign keys off. */
const TRIGGERS = 'session_replication_role';
/** From Postgres 17 on. An older one refuses sessions that set it. */
const DURATION = 'transaction_timeout';
/** As long as an export may take. */
const DURATION_MS_MIN = 3_600_000;

/**
 * Merges the session settings with `?options=` of the URL, which by itself would replace them. Where both set
 * something, Pulse wins, except that `synchronous_commit` is only a default.
 */
export function sessionOptions(url: string): { connectionString: string; options: string } {
  const own = Object.entries(SETTINGS).map(([name, value]) => toOption(name, value));
  const durable = toOption('synchronous_commit', 'on');
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const given = parsed?.searchParams.getAll('options') ?? [];
  if (parsed === undefined || given.length === 0) {
    return { connectionString: url, options: [durable, ...own].join(' ') };
  }
  parsed.searchParams.delete('options');
  return { connectionString: parsed.href, options: [durable, ...given, ...own].join(' ') };
}

/** Spaces separate options, so those of a value are escaped. */
function toOption(name: string, value: string): string {
  return `-c ${name}=${value.replaceAll(' ', '\\ ')}`;
}

/** Why no transaction can write, and what to do; undefined if they can. */
export async function whyReadOnly(pool: Pick<Pool, 'query'>): Promise<string | undefined> {
  const { rows } = await pool.query<{ standby: boolean; setting: string }>(
    "SELECT pg_is_in_recovery() AS standby, current_setting('default_transaction_read_only') AS setting",
  );
  if (rows[0]?.standby === true) {
    return 'is a standby, which takes no writes: DATABASE_URL must lead to the primary';
  }
  if (rows[0]?.setting !== 'on') return undefined;
  return 'default_transaction_read_only is on, so every write fails: reset it for the user and the database';
}

/** Less is a standby that is slow for a moment. */
const COMMIT_WAITS_SECONDS = 5;

/** Why commits wait for ever, and what to do; undefined if none does. */
export async function whyCommitsWait(pool: Pick<Pool, 'query'>): Promise<string | undefined> {
  // Other users' rows of the views are there as well, without their details.
  const { rows } = await pool.query<{
    names: string;
    waits: boolean;
    standbys: number;
    waiting: number;
  }>(
    `SELECT current_setting('synchronous_standby_names') AS names,
            current_setting('synchronous_commit') NOT IN ('off', 'local') AS waits,
            (SELECT count(*)::integer FROM pg_stat_replication) AS standbys,
            (SELECT count(*)::integer FROM pg_stat_activity
             WHERE wait_event = 'SyncRep' AND query_start < now() - $1 * interval '1 second') AS waiting`,
    [COMMIT_WAITS_SECONDS],
  );
  const { names = '', waits = false, standbys = 0, waiting = 0 } = rows[0] ?? {};
  if (!waits || names.trim() === '') return undefined;
  const setting = `synchronous_standby_names is "${names}"`;
  const advice = 'start one that it names, or take it out of the setting';
  if (standbys === 0) {
    return `${setting} and no standby is connected, so every commit waits: ${advice}`;
  }
  if (waiting === 0) return undefined;
  const since = `${waiting} of them for more than ${COMMIT_WAITS_SECONDS} s`;
  return `${setting} and too few of those standbys answer, so commits wait, ${since}: ${advice}`;
}

interface Session {
  readonly database: string;
  readonly username: string;
  readonly encoding: string;
  /** Where tables are created; null if no schema of the search path exists. */
  readonly schema: string | null;
  readonly searchPath: string;
  /** By lower-case name. */
  readonly settings: ReadonlyMap<string, string>;
}

/** What makes this database unusable, each in a sentence that says what to do; empty if nothing does. */
export async function databaseMistakes(pool: Pick<Pool, 'query'>): Promise<string[]> {
  const { database, username, encoding, schema, searchPath, settings } = await readSession(pool);
  const mistakes: string[] = [];
  if (encoding !== 'UTF8') {
    mistakes.push(
      `The database ${database} has the encoding ${encoding}, which cannot hold every tenant and SKU. ` +
        `Create one with: CREATE DATABASE ${database}_utf8 ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0;`,
    );
  }
  if (schema === null) {
    mistakes.push(
      `The search_path of user ${username} (${searchPath}) names no schema that exists and that the user may use. ` +
        'Create the schema, grant USAGE on it, or change the search_path.',
    );
  }
  for (const [name, wanted] of Object.entries(SETTINGS)) {
    const actual = settings.get(name.toLowerCase()) ?? 'unknown';
    // DateStyle also has the order of day and month: "ISO, MDY".
    if (actual.split(',')[0]?.toLowerCase() === wanted.toLowerCase()) continue;
    mistakes.push(
      `${name} is "${actual}" although Pulse asks for "${wanted}", so a connection pooler drops what Pulse asks for. ` +
        `As an administrator: ALTER ROLE "${username}" SET ${name} = '${wanted}';`,
    );
  }
  // With "local", both are on as with "origin". A user who is no administrator cannot ask for either.
  if (settings.get(TRIGGERS) === 'replica') {
    mistakes.push(
      `${TRIGGERS} is "replica", which switches triggers and foreign keys off, so wrong rows would be stored; ` +
        'restores and replication leave it behind. ' +
        `As an administrator: ALTER ROLE "${username}" IN DATABASE "${database}" SET ${TRIGGERS} = 'origin';`,
    );
  }
  const durationMs = Number(settings.get(DURATION) ?? 0);
  if (durationMs > 0 && durationMs < DURATION_MS_MIN) {
    mistakes.push(
      `${DURATION} is ${durationMs} ms, which would cut off large flushes and long exports, each time they are tried. ` +
        `As an administrator: ALTER ROLE "${username}" IN DATABASE "${database}" SET ${DURATION} = 0;`,
    );
  }
  return mistakes;
}

/** @throws FatalError PULSE_POSTGRES_UNUSABLE with every mistake. */
export async function assertDatabaseFits(pool: Pick<Pool, 'query'>): Promise<void> {
  const mistakes = await databaseMistakes(pool);
  if (mistakes.length === 0) return;
  throw new FatalError('PULSE_POSTGRES_UNUSABLE', `DATABASE_URL: ${mistakes.join('\n  ')}`);
}

async function readSession(pool: Pick<Pool, 'query'>): Promise<Session> {
  const { rows } = await pool.query<Omit<Session, 'settings'> & { settings: [string, string][] }>(
    `SELECT current_database() AS database, current_user AS username, current_schema() AS schema,
            current_setting('server_encoding') AS encoding, current_setting('search_path') AS "searchPath",
            (SELECT json_agg(json_build_array(lower(name), setting)) FROM pg_settings
             WHERE lower(name) = ANY($1)) AS settings`,
    [[...Object.keys(SETTINGS), TRIGGERS, DURATION].map((name) => name.toLowerCase())],
  );
  const [session] = rows;
  if (session === undefined) throw new Error('Postgres described no session.');
  return { ...session, settings: new Map(session.settings) };
}
