/** A Postgres pool in which every wait is bounded, and transactions that always release their client. */
import {
  Client,
  DatabaseError,
  Pool,
  type ClientConfig,
  type PoolClient,
  type QueryResultRow,
} from 'pg';
import { codeOf, PulseError, toError, TransientError, type ErrorCode } from '../core/errors.ts';
import { serverOf, type Logger } from './logger.ts';
import { createOutageLog } from './outage-log.ts';
import { sessionOptions } from './postgres-session.ts';
import { waitForServer, type WaitOptions } from './wait-for-server.ts';

export interface PoolOptions {
  /** Shown in pg_stat_activity. */
  readonly name: string;
  readonly logger: Logger;
  readonly connectionCountMax?: number;
  /** The longest a statement may run; COPY sets another limit inside its transaction. */
  readonly statementTimeoutMs?: number;
}

/** How long the client waits for an answer after the server's statement timeout. */
export const ANSWER_GRACE_MS = 5_000;

const CONNECT_TIMEOUT_MS = 10_000;
const ROLLBACK_TIMEOUT_MS = 5_000;

/**
 * SQLSTATE and Node.js error codes after which the same work may succeed later.
 *
 * Not among them: 53400, a limit such as temp_file_limit that the same work would reach again; 58030, a disk that
 * fails, which somebody must see; 57P04, a dropped database.
 *
 * @see https://www.postgresql.org/docs/current/errcodes-appendix.html
 */
const TRANSIENT_CODES: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  ['08000', 'PULSE_POSTGRES_UNREACHABLE'], // connection_exception
  ['08001', 'PULSE_POSTGRES_UNREACHABLE'], // sqlclient_unable_to_establish_sqlconnection
  ['08003', 'PULSE_POSTGRES_UNREACHABLE'], // connection_does_not_exist
  ['08004', 'PULSE_POSTGRES_UNREACHABLE'], // sqlserver_rejected_establishment_of_sqlconnection
  ['08006', 'PULSE_POSTGRES_UNREACHABLE'], // connection_failure
  ['08007', 'PULSE_POSTGRES_UNREACHABLE'], // transaction_resolution_unknown
  ['57P01', 'PULSE_POSTGRES_UNREACHABLE'], // admin_shutdown
  ['57P02', 'PULSE_POSTGRES_UNREACHABLE'], // crash_shutdown
  ['57P03', 'PULSE_POSTGRES_UNREACHABLE'], // cannot_connect_now
  ['57P05', 'PULSE_POSTGRES_UNREACHABLE'], // idle_session_timeout
  ['25P03', 'PULSE_POSTGRES_UNREACHABLE'], // idle_in_transaction_session_timeout
  ['25P04', 'PULSE_POSTGRES_UNREACHABLE'], // transaction_timeout, from Postgres 17 on: ends the session as well
  ['25006', 'PULSE_POSTGRES_UNREACHABLE'], // read_only_sql_transaction: a standby, during a failover
  ['ECONNREFUSED', 'PULSE_POSTGRES_UNREACHABLE'],
  ['ECONNRESET', 'PULSE_POSTGRES_UNREACHABLE'],
  ['EPIPE', 'PULSE_POSTGRES_UNREACHABLE'],
  ['ETIMEDOUT', 'PULSE_POSTGRES_UNREACHABLE'],
  ['EHOSTUNREACH', 'PULSE_POSTGRES_UNREACHABLE'],
  ['ENETUNREACH', 'PULSE_POSTGRES_UNREACHABLE'],
  ['ENOTFOUND', 'PULSE_POSTGRES_UNREACHABLE'],
  ['EAI_AGAIN', 'PULSE_POSTGRES_UNREACHABLE'],
  ['ENOENT', 'PULSE_POSTGRES_UNREACHABLE'], // the server's socket file
  ['40001', 'PULSE_POSTGRES_BUSY'], // serialization_failure
  ['40P01', 'PULSE_POSTGRES_BUSY'], // deadlock_detected
  ['53000', 'PULSE_POSTGRES_BUSY'], // insufficient_resources
  ['53100', 'PULSE_POSTGRES_BUSY'], // disk_full
  ['53200', 'PULSE_POSTGRES_BUSY'], // out_of_memory
  ['53300', 'PULSE_POSTGRES_BUSY'], // too_many_connections
  ['55P03', 'PULSE_POSTGRES_BUSY'], // lock_not_available: lock_timeout
  ['57014', 'PULSE_POSTGRES_BUSY'], // query_canceled: statement_timeout
  ['72000', 'PULSE_POSTGRES_BUSY'], // snapshot_too_old, until Postgres 16: old_snapshot_threshold
]);

/** Codes that waiting does not fix: the server answers, but the credentials or the database name are wrong. */
const REFUSED_CODES: ReadonlyMap<string, string> = new Map([
  ['28000', 'refuses the user'], // invalid_authorization_specification
  ['28P01', 'refuses the user name or password'], // invalid_password
  ['3D000', 'has no such database'], // invalid_catalog_name
  ['42501', 'does not let this user connect'], // insufficient_privilege
]);

/**
 * Creates a pool. It connects on first use and replaces broken connections.
 *
 * Sessions have the settings of postgres-session.ts. A broken idle connection is logged, never thrown.
 */
export function createPool(url: string, options: PoolOptions): Pool {
  const { name, logger, connectionCountMax = 10, statementTimeoutMs = 30_000 } = options;
  const pool = new Pool({
    ...connectionOptions(url, { name, statementTimeoutMs }),
    max: connectionCountMax,
    idleTimeoutMillis: 30_000,
  });
  const outage = createOutageLog({
    logger,
    facts: { server: serverOf(url), pool: name },
    failedText: 'postgres connection failed',
    endedText: 'postgres connected again',
  });
  const onError = (error: Error): void => {
    outage.failed(error);
  };
  // Without a listener, an error of an idle client ends the process. So does one of a client in use, which
  // the pool does not listen to.
  pool.on('error', onError);
  pool.on('connect', (client) => {
    outage.ended();
    client.on('error', onError);
  });
  return withClassifiedQuery(pool);
}

/** The driver's own errors, such as that of a lost connection, are plain Errors without a code. */
function withClassifiedQuery(pool: Pool): Pool {
  const query = pool.query.bind(pool) as (...values: unknown[]) => Promise<unknown>;
  const classify = (error: unknown): never => {
    const isPlain = error instanceof Error && error.constructor === Error;
    throw isPlain && codeOf(error) === undefined ? afterLoss(error) : error;
  };
  return Object.assign(pool, { query: (...values: unknown[]) => query(...values).catch(classify) });
}

/** The options of one connection: bounded waits, keep-alive to detect dead peers, the session's settings. */
export function connectionOptions(
  url: string,
  { name, statementTimeoutMs }: { name: string; statementTimeoutMs: number },
): ClientConfig {
  return {
    ...sessionOptions(url),
    application_name: name,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    lock_timeout: Math.min(statementTimeoutMs, 10_000),
    idle_in_transaction_session_timeout: 60_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
  };
}

/**
 * Runs `work` in one transaction and commits it.
 *
 * A connection that broke, or whose state is unknown, is removed from the pool.
 *
 * @param begin Begins the transaction; may hold other statements to send in the same round trip.
 * @throws TransientError The connection was lost or Postgres returned a listed code. If this happens during
 * COMMIT, the transaction may have committed, so the work must be idempotent. Any other error of `work` is
 * rethrown after the rollback.
 */
export async function withTransaction<T>(
  pool: Pick<Pool, 'connect'>,
  work: (client: PoolClient) => Promise<T>,
  begin = 'BEGIN ISOLATION LEVEL READ COMMITTED',
): Promise<T> {
  const client = await connect(pool);
  let broken: Error | undefined;
  const onLost = (error: Error): void => {
    broken = error;
  };
  client.on('error', onLost);
  try {
    await client.query(begin);
    const result = await work(client);
    const { command } = await client.query('COMMIT');
    // For a failed transaction, Postgres answers COMMIT with ROLLBACK and no error.
    if (command !== 'COMMIT') throw new Error(`Postgres answered COMMIT with ${command}.`);
    return result;
  } catch (error) {
    broken ??= await rollBack(client);
    throw broken === undefined ? toPulseError(error) : afterLoss(error);
  } finally {
    client.off('error', onLost);
    client.release(broken);
  }
}

/**
 * Translates an error of the driver: listed codes become a TransientError, other errors are returned
 * unchanged.
 */
export function toPulseError(error: unknown): Error {
  const code = isPoolerLoss(error)
    ? 'PULSE_POSTGRES_UNREACHABLE'
    : TRANSIENT_CODES.get(String(codeOf(error)));
  if (code === undefined || error instanceof PulseError) return toError(error);
  return new TransientError(code, `Postgres: ${toError(error).message}`, { cause: error });
}

/**
 * Whether PgBouncer ended the session, for example because it cannot reach Postgres: it gives all its errors this code.
 * Postgres gives it to mistakes in what it was sent, which are defects and end no session.
 */
function isPoolerLoss(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === '08P01' && error.severity === 'FATAL';
}

/** The rows of one statement outside a transaction. @throws What toPulseError returns. */
export async function queryRows<Row extends QueryResultRow>(
  pool: Pick<Pool, 'query'>,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  try {
    const { rows } = await pool.query<Row>(sql, [...values]);
    return rows;
  } catch (error) {
    throw toPulseError(error);
  }
}

/** The row of a statement that always returns one. */
export function onlyRow<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new RangeError('The statement returned no row.');
  return row;
}

/**
 * Waits until Postgres answers, for at most `timeoutMs`.
 *
 * @throws FatalError PULSE_POSTGRES_UNREACHABLE, with the variable and the server but never the password;
 * at once when the server refuses the login.
 */
export async function waitForPostgres(url: string, options: WaitOptions): Promise<void> {
  await waitForServer(
    {
      name: 'Postgres',
      variable: 'DATABASE_URL',
      url,
      code: 'PULSE_POSTGRES_UNREACHABLE',
      attempt: (leftMs) => pingOnce(url, Math.max(100, leftMs)),
      refusalOf,
      silenceOf: (error) =>
        error instanceof DatabaseError
          ? `accepts no connection (${error.message})`
          : `does not answer (${causeOf(error)})`,
    },
    options,
  );
}

function refusalOf(error: unknown): string | undefined {
  if (!(error instanceof DatabaseError)) return undefined;
  const parameter = UNSUPPORTED.exec(error.message)?.[1];
  if (parameter === undefined) return REFUSED_CODES.get(String(error.code));
  return (
    `does not take the startup parameter ${parameter}. If it is PgBouncer, set ignore_startup_parameters = ` +
    'options, statement_timeout, lock_timeout, idle_in_transaction_session_timeout (docs/operations.md)'
  );
}

/** PgBouncer gives all its errors one code, so only the text tells this one from those that pass. */
const UNSUPPORTED = /^unsupported startup parameter(?: in options)?: (\w+)/;

function causeOf(error: unknown): string {
  return String(codeOf(error) ?? toError(error).message);
}

async function pingOnce(url: string, timeoutMs: number): Promise<void> {
  const client = new Client({
    ...connectionOptions(url, { name: 'pulse wait', statementTimeoutMs: 5_000 }),
    connectionTimeoutMillis: Math.min(CONNECT_TIMEOUT_MS, timeoutMs),
  });
  client.on('error', () => {
    // The pending query or connect call rejects with the same error.
  });
  try {
    await client.connect();
    await client.query('SELECT 1');
  } finally {
    await client.end();
  }
}

async function connect(pool: Pick<Pool, 'connect'>): Promise<PoolClient> {
  try {
    return await pool.connect();
  } catch (error) {
    // The server's own errors are classified by code; any other error means that it was not reached.
    throw error instanceof DatabaseError ? toPulseError(error) : afterLoss(error);
  }
}

/** Rolls back. Returns the error if that fails, because the connection is then unusable. */
async function rollBack(client: PoolClient): Promise<Error | undefined> {
  try {
    const rollback = { text: 'ROLLBACK', query_timeout: ROLLBACK_TIMEOUT_MS };
    await client.query(rollback);
    return undefined;
  } catch (error) {
    return toError(error);
  }
}

/** The driver's own errors carry no code, so a lost connection is recognized by other means. */
function afterLoss(error: unknown): Error {
  if (error instanceof PulseError) return error;
  return new TransientError('PULSE_POSTGRES_UNREACHABLE', 'Postgres: the connection was lost.', {
    cause: error,
  });
}
