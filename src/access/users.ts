/** Table users: who may log in. */
import type { Pool } from 'pg';
import type { TenantScope } from '../core/tenant-scope.ts';
import { withTransaction } from '../platform/postgres.ts';
import { insertAudit, type AuditEntry, type AuditSource } from './audit.ts';
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
export async function findUser(pool: Pool, username: string): Promise<User | undefined> {
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
  pool: Pool,
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
 *
 * Writes only if something differs, so that a start does not change `updated_at`. A new password invalidates earlier
 * tokens. Safe to run in several processes at once.
 *
 * @throws TransientError Postgres is unavailable or too busy.
 */
export async function ensureAdmin(
  pool: Pool,
  { username, password }: { username: string; password: string },
): Promise<'unchanged' | 'written'> {
  const user = await findUser(pool, username);
  if (
    user?.role === 'admin' &&
    !user.isDisabled &&
    !needsRehash(user.passwordHash) &&
    (await verifyPassword(user.passwordHash, password))
  ) {
    return 'unchanged';
  }
  const sql = `
    INSERT INTO users AS u (username, password_hash, role, all_tenants) VALUES ($1, $2, 'admin', true)
    ON CONFLICT (username) DO UPDATE
    SET password_hash = excluded.password_hash, role = 'admin', all_tenants = true, tenants = '{}',
        disabled_at = NULL, token_version = u.token_version + 1, updated_at = now()`;
  const passwordHash = await hashPassword(password);
  await withTransaction(pool, (client) => client.query(sql, [username, passwordHash]));
  return 'written';
}

export interface UserRow {
  readonly username: string;
  readonly role: Role;
  readonly scope: TenantScope;
  readonly createdAt: Date;
  readonly lastLoginAt: Date | null;
  readonly disabledAt: Date | null;
}

/** All users, ordered by name. */
export async function listUsers(pool: Pool): Promise<UserRow[]> {
  const sql = `
    SELECT username, role, ${SCOPE}, created_at AS "createdAt", last_login_at AS "lastLoginAt",
           disabled_at AS "disabledAt"
    FROM users ORDER BY username`;
  return (await withTransaction(pool, (client) => client.query<UserRow>(sql))).rows;
}

/** Adds a user. @returns False if the name is taken; then nothing changes. */
export async function addUser(
  pool: Pool,
  user: Pick<User, 'username' | 'passwordHash' | 'role' | 'scope'>,
  source: AuditSource,
): Promise<boolean> {
  const { username, passwordHash, role, scope } = user;
  const sql = `
    INSERT INTO users (username, password_hash, role, all_tenants, tenants) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (username) DO NOTHING`;
  const values = [username, passwordHash, role, scope === 'all', scope === 'all' ? [] : scope];
  return await changeUser(
    pool,
    { sql, values },
    {
      ...source,
      action: 'user added',
      subject: username,
      details: { role, tenants: scope },
    },
  );
}

/** Disables or enables a user; disabling invalidates the user's tokens. @returns Whether there is such a user. */
export async function setUserDisabled(
  pool: Pool,
  { username, isDisabled }: { username: string; isDisabled: boolean },
  source: AuditSource,
): Promise<boolean> {
  const sql = isDisabled
    ? `UPDATE users SET disabled_at = coalesce(disabled_at, now()), token_version = token_version + 1,
                        updated_at = now() WHERE username = $1`
    : 'UPDATE users SET disabled_at = NULL, updated_at = now() WHERE username = $1';
  const action = isDisabled ? 'user disabled' : 'user enabled';
  return await changeUser(
    pool,
    { sql, values: [username] },
    { ...source, action, subject: username },
  );
}

/** Sets a user's password, which invalidates the user's tokens. @returns Whether there is such a user. */
export async function setPasswordHash(
  pool: Pool,
  { username, passwordHash }: Pick<User, 'username' | 'passwordHash'>,
  source: AuditSource,
): Promise<boolean> {
  const sql = `
    UPDATE users SET password_hash = $2, token_version = token_version + 1, updated_at = now()
    WHERE username = $1`;
  return await changeUser(
    pool,
    { sql, values: [username, passwordHash] },
    {
      ...source,
      action: 'password changed',
      subject: username,
    },
  );
}

/** Makes one change and its audit entry, both or neither. @returns Whether there was a row to change. */
async function changeUser(
  pool: Pool,
  { sql, values }: { sql: string; values: unknown[] },
  entry: AuditEntry,
): Promise<boolean> {
  return await withTransaction(pool, async (client) => {
    const { rowCount } = await client.query(sql, values);
    if (rowCount === 1) await insertAudit(client, entry);
    return rowCount === 1;
  });
}
