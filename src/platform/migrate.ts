/** Migrates the database to the version this code needs: plain SQL files, forward only, under a lock. */
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Client, DatabaseError, escapeIdentifier, type ClientConfig } from 'pg';
import { codeOf, FatalError, PulseError, TransientError } from '../core/errors.ts';
import type { Logger } from './logger.ts';
import { assertRights, grantUsage } from './postgres-rights.ts';
import { assertDatabaseFits, databaseMistakes } from './postgres-session.ts';
import { connectionOptions, createPool, toPulseError } from './postgres.ts';

const INSUFFICIENT_PRIVILEGE = '42501';

/** The same folder for src/platform and dist/platform. */
const DIRECTORY = fileURLToPath(new URL('../../migrations/', import.meta.url));
const TABLE = 'schema_migrations';
const UNDEFINED_TABLE = '42P01';
/** Also limits how long to wait for another process that is migrating. */
const LOCK_TIMEOUT_MS = 60_000;
/** Of statements whose time does not grow with the tables. */
const STATEMENT_TIMEOUT_MS = 600_000;

/**
 * Runs the pending migrations, all in one transaction, for as long as they need. Concurrent calls take turns.
 *
 * @returns The names of the migrations that ran, in order; empty when the database was up to date.
 * @throws FatalError PULSE_POSTGRES_MIGRATIONS A migration failed; nothing changed.
 * @throws TransientError The connection was lost; nothing changed.
 */
export async function runMigrations(databaseUrl: string, logger: Logger): Promise<string[]> {
  return await withClient(databaseUrl, async (client) => {
    await assertDatabaseFits(client);
    const isPending = (await namesPending(client)).length > 0;
    if (isPending) await assertRights(client, { migrating: true });
    const names = isPending
      ? await withClient(databaseUrl, (own) => migrate(own, logger), UNHURRIED)
      : [];
    await migrateJobs(databaseUrl, logger);
    await grantUsage(client);
    if (names.length > 0) logger.info({ migrations: names }, 'database migrated');
    return names;
  });
}

async function migrate(client: Client, logger: Logger): Promise<string[]> {
  let current = '';
  // Loaded here, because a start seldom has anything to migrate.
  const { runner } = await import('node-pg-migrate');
  try {
    // The runner locks the session, and a pooler may give a session to others, with its settings; but no transaction.
    await client.query(
      `BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`,
    );
    const ran = await runner({
      dbClient: client,
      dir: DIRECTORY,
      direction: 'up',
      migrationsTable: TABLE,
      migrationsSchema: await migrationsSchema(client),
      singleTransaction: true,
      advisoryLockMode: 'wait',
      logger: {
        info: (detail) => {
          current = MIGRATION_BEGINS.exec(detail)?.[1] ?? current;
          logger.debug({ detail }, 'migration progress');
        },
        warn: (detail) => {
          logger.warn({ detail }, 'migration warning');
        },
        // The whole text of the migration; the error that is thrown says what is wrong.
        error: (detail) => {
          logger.debug({ detail }, 'migration failed');
        },
      },
    });
    return ran.map(({ name }) => name);
  } catch (error) {
    const pulseError = toPulseError(error);
    const isRefused = error instanceof DatabaseError && !(pulseError instanceof PulseError);
    if (!isRefused || current === '') throw pulseError;
    throw new FatalError(
      'PULSE_POSTGRES_MIGRATIONS',
      `Migration ${current} failed, and nothing was changed: ${pulseError.message}`,
      { cause: error },
    );
  }
}

const MIGRATION_BEGINS = /^### MIGRATION (\S+) \(UP\) ###$/;

/** The tables of graphile-worker, in the schema `graphile_worker`. Concurrent calls take turns. */
async function migrateJobs(databaseUrl: string, logger: Logger): Promise<void> {
  // Loaded here, because every command asks what is pending, and few migrate.
  const { runMigrations: runJobMigrations } = await import('graphile-worker');
  const options = { name: 'pulse migrate', connectionCountMax: 1 };
  const pgPool = createPool(databaseUrl, {
    ...options,
    logger,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
  });
  try {
    await runJobMigrations({ pgPool });
  } finally {
    await pgPool.end();
  }
}

/**
 * The names of the migrations that have not run yet. Changes nothing.
 *
 * @throws TransientError The connection was lost.
 */
export async function pendingMigrations(databaseUrl: string): Promise<string[]> {
  return withClient(databaseUrl, namesPending);
}

/**
 * What makes the database unusable for a session that begins now; empty if nothing does.
 *
 * @throws TransientError The connection was lost.
 */
export async function newSessionMistakes(databaseUrl: string): Promise<string[]> {
  return withClient(databaseUrl, databaseMistakes);
}

async function namesPending(client: Client): Promise<string[]> {
  const files = await readdir(DIRECTORY);
  const names = files.filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -4));
  const ran = await namesRun(client);
  return names.filter((name) => !ran.has(name)).sort();
}

/**
 * The schema with the table of the migrations that ran: that of all other tables, the first of the search path.
 * Until version 0.1 it was always `public`.
 */
async function migrationsSchema(client: Client): Promise<string> {
  const { rows } = await client.query<{ schema: string | null }>(
    `SELECT CASE WHEN to_regclass(quote_ident(current_schema()) || '.settings') IS NOT NULL
                  AND to_regclass(quote_ident(current_schema()) || '.${TABLE}') IS NULL
                  AND to_regclass('public.${TABLE}') IS NOT NULL
            THEN 'public' ELSE current_schema() END AS schema`,
  );
  return rows[0]?.schema ?? 'public';
}

async function namesRun(client: Client): Promise<Set<string>> {
  const schema = escapeIdentifier(await migrationsSchema(client));
  try {
    const { rows } = await client.query<{ name: string }>(`SELECT name FROM ${schema}.${TABLE}`);
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    if (error instanceof DatabaseError && error.code === UNDEFINED_TABLE) return new Set();
    throw error;
  }
}

/** A limit would cancel the migration of a big table each time. Keep-alive notices a server that is gone. */
const UNHURRIED: ClientConfig = { query_timeout: 0 };

async function withClient<T>(
  databaseUrl: string,
  work: (client: Client) => Promise<T>,
  options: ClientConfig = {},
): Promise<T> {
  const client = new Client({
    ...connectionOptions(databaseUrl, {
      name: 'pulse migrate',
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    }),
    ...options,
    lock_timeout: LOCK_TIMEOUT_MS,
  });
  const connection = { lost: false };
  client.on('error', () => {
    connection.lost = true;
  });
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    const pulseError = toPulseError(error);
    if (pulseError instanceof PulseError) throw pulseError;
    if (connection.lost) {
      throw new TransientError('PULSE_POSTGRES_UNREACHABLE', 'Postgres: the connection was lost.', {
        cause: error,
      });
    }
    const advice =
      codeOf(error) === INSUFFICIENT_PRIVILEGE
        ? '. Set DATABASE_URL to the user that ran `pulse migrate`, or give this user its rights.'
        : '';
    throw new FatalError(
      'PULSE_POSTGRES_MIGRATIONS',
      `Cannot run or read the migrations: ${pulseError.message}${advice}`,
      { cause: error },
    );
  } finally {
    await client.end();
  }
}
