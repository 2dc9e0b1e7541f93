/** Table users: who may log in. */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { hashPassword, needsRehash, verifyPassword } from './passwords.ts';

/** One user, as login needs it. */
export interface User {
  readonly username: string;
  readonly passwordHash: string;
}

/**
 * Finds a user by the exact name.
 *
 * @throws TransientError Postgres is away or too busy.
 */
export async function findUser(pool: Pool, username: string): Promise<User | undefined> {
  const sql = 'SELECT username, password_hash FROM users WHERE username = $1';
  const { rows } = await withTransaction(pool, (client) =>
    client.query<{ username: string; password_hash: string }>(sql, [username]),
  );
  const row = rows[0];
  return row === undefined
    ? undefined
    : { username: row.username, passwordHash: row.password_hash };
}

/**
 * Replaces a hash with a fresh one of the same password, unless the password was changed meanwhile.
 *
 * @throws TransientError Postgres is away or too busy.
 */
export async function renewPasswordHash(
  pool: Pool,
  { username, passwordHash }: User,
  renewed: string,
): Promise<void> {
  const sql = `
    UPDATE users SET password_hash = $3, updated_at = now()
    WHERE username = $1 AND password_hash = $2`;
  await withTransaction(pool, (client) => client.query(sql, [username, passwordHash, renewed]));
}

/**
 * Makes the configured administrator exist with the configured password.
 *
 * The hash is written only when it does not verify, so that every start of every process leaves
 * `updated_at` alone. Safe to run in several processes at once.
 *
 * @throws TransientError Postgres is away or too busy.
 */
export async function ensureAdmin(
  pool: Pool,
  { username, password }: { username: string; password: string },
): Promise<'unchanged' | 'written'> {
  const user = await findUser(pool, username);
  if (
    user !== undefined &&
    !needsRehash(user.passwordHash) &&
    (await verifyPassword(user.passwordHash, password))
  ) {
    return 'unchanged';
  }
  const sql = `
    INSERT INTO users (username, password_hash) VALUES ($1, $2)
    ON CONFLICT (username) DO UPDATE SET password_hash = excluded.password_hash, updated_at = now()`;
  const passwordHash = await hashPassword(password);
  await withTransaction(pool, (client) => client.query(sql, [username, passwordHash]));
  return 'written';
}
