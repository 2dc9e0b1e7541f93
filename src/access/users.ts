/** Table users: who may log in. */
import type { Pool, PoolClient } from 'pg';
import type { TenantScope } from '../core/tenant-scope.ts';
import { onlyRow, withTransaction } from '../platform/postgres.ts';
import { USERS_MAX } from './access-rules.ts';
import { insertAudit, insertAudits, type AuditEntry, type AuditSource } from './audit.ts';
import type { Role } from '../http/caller.ts';
import { hashPassword, needsRehash, verifyPassword } from './passwords.ts';

export interface User {
  readonly username: string;
  readonly passwordHash: string;
  readonly role: Role;
  readonly scope: TenantScope;
  readonly isDisabled: boolean;
  /** Tokens carry it; tokens with another version are no longer valid. */
  readonly tokenVersion: number;
}

interface SqlRow {
  username: string;
  password_hash: string;
  role: Role;
  scope: TenantScope;
  is_disabled: boolean;
  token_version: number;
}

/** The scope as one value: `"all"` or the list. */
const SCOPE = `CASE WHEN all_tenants THEN '"all"'::jsonb ELSE to_jsonb(tenants) END AS scope`;

/**
 * Finds a user by the exact name.
 *
 * @throws TransientError Postgres is unavailable or too busy.
 */
export async function findUser(
  pool: Pick<Pool, 'connect'>,
  username: string,
): Promise<User | undefined> {
  const sql = `
    SELECT username, password_hash, role, ${SCOPE}, disabled_at IS NOT NULL AS is_disabled, token_version
    FROM users WHERE username = $1`;
  const { rows } = await withTransaction(pool, (client) => client.query<SqlRow>(sql, [username]));
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

function fromRow(row: SqlRow): User {
  return {
    username: row.username,
    passwordHash: row.password_hash,
    role: row.role,
    scope: row.scope,
    isDisabled: row.is_disabled,
    tokenVersion: row.token_version,
  };
}

export async function noteLogin(client: Pick<Pool, 'query'>, username: string): Promise<void> {
  await client.query('UPDATE users SET last_login_at = now() WHERE username = $1', [username]);
}

/**
 * Replaces a hash with a new one of the same password, unless the password was changed meanwhile.
 *
 * @throws TransientError Postgres is unavailable or too busy.
 */
export async function renewPasswordHash(
  pool: Pick<Pool, 'connect'>,
  { username, passwordHash }: Pick<User, 'username' | 'passwordHash'>,
  renewed: string,
): Promise<void> {
  const sql = `
    UPDATE users SET password_hash = $3, updated_at = now()
    WHERE username = $1 AND password_hash = $2`;
  await withTransaction(pool, (client) => client.query(sql, [username, passwordHash, renewed]));
}

/**
 * Ensures that the configured administrator exists, is enabled, and has the role admin and the configured password.
 * The audit log notes what it changes.
 *
 * Writes only if something differs, so that a start does not change `updated_at`. A new password invalidates earlier
 * tokens. Safe to run in several processes at once.
 *
 * @throws TransientError Postgres is unavailable or too busy.
 */
export async function ensureAdmin(
  pool: Pick<Pool, 'connect'>,
  { username, password }: { username: string; password: string },
  source: AuditSource,
): Promise<'unchanged' | 'written'> {
  const user = await findUser(pool, username);
  const isSamePassword = user !== undefined && (await verifyPassword(user.passwordHash, password));
  if (
    user?.role === 'admin' &&
    !user.isDisabled &&
    !needsRehash(user.passwordHash) &&
    isSamePassword
  ) {
    return 'unchanged';
  }
  const sql = `
    INSERT INTO users AS u (username, password_hash, role, all_tenants) VALUES ($1, $2, 'admin', true)
    ON CONFLICT (username) DO UPDATE
    SET password_hash = excluded.password_hash, role = 'admin', all_tenants = true, tenants = '{}',
        disabled_at = NULL, token_version = u.token_version + 1, updated_at = now()
    RETURNING token_version AS "tokenVersion"`;
  const passwordHash = await hashPassword(password);
  await withTransaction(pool, async (client) => {
    const { user: before } = await lockUserAndAdmins(client, username);
    const { rows } = await client.query<Pick<User, 'tokenVersion'>>(sql, [username, passwordHash]);
    // Otherwise another process that starts has written, and noted, the same since.
    const isFirst = onlyRow(rows).tokenVersion === (user?.tokenVersion ?? 0) + 1;
    if (!isFirst) return;
    const changes = before === undefined ? [ADMIN_ADDED] : adminChanges(before, isSamePassword);
    await insertAudits(
      client,
      changes.map((change) => ({
        ...{ ...source, ...change, subject: username },
        details: { ...change.details, cause: 'start' },
      })),
    );
  });
  return 'written';
}

type Change = Pick<AuditEntry, 'action' | 'details'>;

const ADMIN_ADDED: Change = { action: 'user added', details: { role: 'admin', tenants: 'all' } };

/** What a start has changed of a user who was as `before`. */
function adminChanges({ role, scope, disabledAt }: UserRow, isSamePassword: boolean): Change[] {
  const rights = { role: 'admin', tenants: 'all', before: { role, tenants: scope } };
  return [
    ...(disabledAt === null ? [] : [{ action: 'user enabled' } as const]),
    ...(role === 'admin' ? [] : [{ action: 'user changed', details: rights } as const]),
    ...(isSamePassword ? [] : [{ action: 'password changed' } as const]),
  ];
}

export interface UserRow {
  readonly username: string;
  readonly role: Role;
  readonly scope: TenantScope;
  readonly createdAt: Date;
  readonly lastLoginAt: Date | null;
  readonly disabledAt: Date | null;
}

const ROW = `
  username, role, ${SCOPE}, created_at AS "createdAt", last_login_at AS "lastLoginAt",
  disabled_at AS "disabledAt"`;

/** Users, ordered by name. @param page Default: all of them. `after` is the last name of the page before. */
export async function listUsers(
  pool: Pick<Pool, 'connect'>,
  { limit = null, after = '' }: { readonly limit?: number | null; readonly after?: string } = {},
): Promise<UserRow[]> {
  const sql = `SELECT ${ROW} FROM users WHERE username > $1 ORDER BY username LIMIT $2`;
  const { rows } = await withTransaction(pool, (client) =>
    client.query<UserRow>(sql, [after, limit]),
  );
  return rows;
}

export async function readUser(
  pool: Pick<Pool, 'connect'>,
  username: string,
): Promise<UserRow | undefined> {
  const sql = `SELECT ${ROW} FROM users WHERE username = $1`;
  const { rows } = await withTransaction(pool, (client) => client.query<UserRow>(sql, [username]));
  return rows[0];
}

/** Adds a user, unless the name is taken or there are `USERS_MAX` users. Then nothing changes. */
export async function addUser(
  pool: Pick<Pool, 'connect'>,
  user: Pick<User, 'username' | 'passwordHash' | 'role' | 'scope'>,
  source: AuditSource,
): Promise<UserRow | 'taken' | 'full'> {
  const { username, passwordHash, role, scope } = user;
  const sql = `
    INSERT INTO users (username, password_hash, role, all_tenants, tenants) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (username) DO NOTHING RETURNING ${ROW}`;
  const values = [username, passwordHash, role, scope === 'all', scope === 'all' ? [] : scope];
  return await withTransaction(pool, async (client) => {
    // One at a time, so that the count holds until the end.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('pulse users', 0))");
    const { rows } = await client.query<{ isFull: boolean; isTaken: boolean }>(
      `SELECT (SELECT count(*) FROM users) >= $2 AS "isFull",
              EXISTS (SELECT FROM users WHERE username = $1) AS "isTaken"`,
      [username, USERS_MAX],
    );
    const { isFull, isTaken } = onlyRow(rows);
    if (isTaken) return 'taken';
    if (isFull) return 'full';
    const [added] = (await client.query<UserRow>(sql, values)).rows;
    // The start of an API may have added its administrator in the meantime.
    if (added === undefined) return 'taken';
    const details = { role, tenants: scope };
    await insertAudit(client, { ...source, action: 'user added', subject: username, details });
    return added;
  });
}

/**
 * Locks a user, and every enabled administrator, until the transaction ends.
 *
 * All in one order, so that two administrators who change each other do not wait for each other. The second one sees
 * what the first one changed.
 */
export async function lockUserAndAdmins(
  client: PoolClient,
  username: string,
): Promise<{ readonly user: UserRow | undefined; readonly adminCount: number }> {
  const { rows } = await client.query<UserRow>(
    `SELECT ${ROW} FROM users WHERE username = $1 OR (role = 'admin' AND disabled_at IS NULL)
     ORDER BY username FOR UPDATE`,
    [username],
  );
  return {
    user: rows.find((row) => row.username === username),
    adminCount: rows.filter(isEnabledAdmin).length,
  };
}

export function isEnabledAdmin(user: Pick<UserRow, 'role' | 'disabledAt'>): boolean {
  return user.role === 'admin' && user.disabledAt === null;
}

/** Sets role and tenants. Tokens remain valid, because rights are looked up. */
export async function setRights(
  client: PoolClient,
  { username, role, scope }: Pick<User, 'username' | 'role' | 'scope'>,
  entry: Pick<AuditEntry, 'details'> & AuditSource,
): Promise<void> {
  await client.query(
    `UPDATE users SET role = $2, all_tenants = $3, tenants = $4, updated_at = now()
     WHERE username = $1`,
    [username, role, scope === 'all', scope === 'all' ? [] : scope],
  );
  await insertAudit(client, { ...entry, action: 'user changed', subject: username });
}

/** Disables or enables a user; disabling invalidates the user's tokens. @returns Whether there is such a user. */
export async function setUserDisabled(
  pool: Pick<Pool, 'connect'>,
  user: Pick<User, 'username' | 'isDisabled'>,
  source: AuditSource,
): Promise<boolean> {
  return await withTransaction(pool, (client) => setDisabled(client, user, source));
}

/** `setUserDisabled`, in a transaction that does more. */
export async function setDisabled(
  client: PoolClient,
  { username, isDisabled }: Pick<User, 'username' | 'isDisabled'>,
  source: AuditSource,
): Promise<boolean> {
  const sql = isDisabled
    ? `UPDATE users SET disabled_at = coalesce(disabled_at, now()), token_version = token_version + 1,
                        updated_at = now() WHERE username = $1`
    : 'UPDATE users SET disabled_at = NULL, updated_at = now() WHERE username = $1';
  const action = isDisabled ? 'user disabled' : 'user enabled';
  const { rowCount } = await client.query(sql, [username]);
  if (rowCount === 1) await insertAudit(client, { ...source, action, subject: username });
  return rowCount === 1;
}

/**
 * Sets a user's password, which invalidates the user's tokens.
 *
 * @param user With `tokenVersion`: only while that is the version, so that of two changes at once one counts.
 * @returns The new token version; undefined if there is no such user.
 */
export async function setPasswordHash(
  pool: Pick<Pool, 'connect'>,
  user: Pick<User, 'username' | 'passwordHash'> & Partial<Pick<User, 'tokenVersion'>>,
  source: AuditSource,
): Promise<number | undefined> {
  const { username, passwordHash, tokenVersion = null } = user;
  const sql = `
    UPDATE users SET password_hash = $2, token_version = token_version + 1, updated_at = now()
    WHERE username = $1 AND ($3::integer IS NULL OR token_version = $3)
    RETURNING token_version AS "tokenVersion"`;
  return await withTransaction(pool, async (client) => {
    const { rows } = await client.query<Pick<User, 'tokenVersion'>>(sql, [
      username,
      passwordHash,
      tokenVersion,
    ]);
    if (rows[0] === undefined) return undefined;
    await insertAudit(client, { ...source, action: 'password changed', subject: username });
    return rows[0].tokenVersion;
  });
}
