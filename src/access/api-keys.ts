/** Table api_keys: keys for machines. */
import type { Pool } from 'pg';
import type { TenantScope } from '../core/tenant-scope.ts';
import { onlyRow, withTransaction } from '../platform/postgres.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';
import { KEYS_MAX } from './access-rules.ts';
import { insertAudit, type AuditSource } from './audit.ts';
import type { Role } from '../http/caller.ts';
import { ProblemError } from '../http/problems.ts';
import type { KeyCredentials } from './key-text.ts';

/** A key without its secret. */
export interface ApiKey {
  readonly id: string;
  /** The purpose of the key, in the words of its creator. */
  readonly name: string;
  readonly role: Role;
  readonly scope: TenantScope;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
}

const COLUMNS = `
  id, name, role, CASE WHEN all_tenants THEN '"all"'::jsonb ELSE to_jsonb(tenants) END AS scope,
  created_by AS "createdBy", created_at AS "createdAt", expires_at AS "expiresAt",
  revoked_at AS "revokedAt", last_used_at AS "lastUsedAt"`;

/** Finds a key by its id, with the hash of its secret. */
export async function findKey(
  pool: Pick<Pool, 'connect'>,
  id: string,
): Promise<(ApiKey & Pick<KeyCredentials, 'secretHash'>) | undefined> {
  const sql = `SELECT ${COLUMNS}, secret_hash AS "secretHash" FROM api_keys WHERE id = $1`;
  const { rows } = await withTransaction(pool, (client) =>
    client.query<ApiKey & Pick<KeyCredentials, 'secretHash'>>(sql, [id]),
  );
  return rows[0];
}

/** Keys, newest first. @param page Default: all of them. `after` is the cursor of the last key of the page before. */
export async function listKeys(
  pool: Pick<Pool, 'connect'>,
  {
    limit = null,
    after = null,
  }: { readonly limit?: number | null; readonly after?: string | null } = {},
): Promise<(ApiKey & { readonly cursor: string })[]> {
  const sql = `
    SELECT ${COLUMNS}, (extract(epoch FROM created_at) * 1000000)::bigint || '.' || id AS cursor
    FROM api_keys
    WHERE $1::text IS NULL OR (created_at, id) < (timestamptz 'epoch' +
      split_part($1, '.', 1)::bigint * interval '1 microsecond', split_part($1, '.', 2))
    ORDER BY created_at DESC, id DESC LIMIT $2`;
  const { rows } = await withTransaction(pool, (client) =>
    client.query<ApiKey & { cursor: string }>(sql, [after, limit]),
  );
  return rows;
}

export interface NewKey {
  readonly name: string;
  readonly role: Role;
  readonly scope: TenantScope;
  readonly lifeSeconds: number;
}

/**
 * Inserts a key, and a line in the audit log that names its creator.
 *
 * @throws ProblemError PULSE_API_TOO_MANY_KEYS
 */
export async function insertKey(
  pool: Pick<Pool, 'connect'>,
  { id, secretHash }: KeyCredentials,
  key: NewKey & { source: AuditSource },
): Promise<ApiKey> {
  const { name, role, scope, lifeSeconds, source } = key;
  const sql = `
    INSERT INTO api_keys (id, secret_hash, name, role, all_tenants, tenants, created_by, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 second') RETURNING ${COLUMNS}`;
  const tenants = scope === 'all' ? [] : scope;
  return await withTransaction(pool, async (client) => {
    // One at a time, so that the count holds until the end.
    await client.query("SELECT pg_advisory_xact_lock(hashtextextended('pulse keys', 0))");
    const counted = 'SELECT count(*)::int AS count FROM api_keys WHERE revoked_at IS NULL';
    const { count } = onlyRow((await client.query<{ count: number }>(counted)).rows);
    if (count >= KEYS_MAX) {
      throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_TOO_MANY_KEYS, {
        detail: `There are ${KEYS_MAX} keys that are not revoked. Revoke those that nobody uses.`,
      });
    }
    const isAll = scope === 'all';
    const values = [id, secretHash, name, role, isAll, tenants, source.actor, lifeSeconds];
    const { rows } = await client.query<ApiKey>(sql, values);
    const row = onlyRow(rows);
    const details = { name, role, tenants: scope, expires_at: row.expiresAt.toISOString() };
    await insertAudit(client, { ...source, action: 'key created', subject: id, details });
    return row;
  });
}

/** Revokes a key. @returns `revoked`, also if it was revoked before; `missing` if there is no such key. */
export async function revokeKey(
  pool: Pick<Pool, 'connect'>,
  id: string,
  source: AuditSource,
): Promise<'revoked' | 'missing'> {
  return await withTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      'UPDATE api_keys SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL',
      [id],
    );
    if (rowCount === 1) {
      await insertAudit(client, { ...source, action: 'key revoked', subject: id });
      return 'revoked';
    }
    const found = await client.query('SELECT FROM api_keys WHERE id = $1', [id]);
    return found.rowCount === 1 ? 'revoked' : 'missing';
  });
}

/** Notes the use of a key, unless one was noted within the last minute. */
export async function noteKeyUsed(pool: Pick<Pool, 'connect'>, id: string): Promise<void> {
  const sql = `
    UPDATE api_keys SET last_used_at = now()
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`;
  await withTransaction(pool, (client) => client.query(sql, [id]));
}
