/**
 * Transactions that see only some tenants: a second guard behind the tenant filter of every query.
 *
 * They run as a Postgres role that has only the rights granted in migrations/0008_access.sql, and row-level
 * security limits it to the tenants in the setting `pulse.tenants`. A query without a tenant filter sees no
 * other tenants; a transaction without the setting fails.
 */
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import { FatalError } from '../core/errors.ts';
import type { TenantScope } from '../core/tenant-scope.ts';
import { withTransaction } from './postgres.ts';

/** The roles created by 0008_access.sql, by scope. */
export const SCOPE_ROLES = { all: 'pulse_all_tenants', some: 'pulse_some_tenants' } as const;

type ScopedPool = Pick<Pool, 'connect'>;

/**
 * Runs `read` in a REPEATABLE READ READ ONLY transaction that sees only the tenants in `scope`.
 *
 * @throws TransientError Postgres is unavailable or too busy.
 */
export function readAsTenants<Result>(
  pool: ScopedPool,
  scope: TenantScope,
  read: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return withTransaction(
    pool,
    read,
    `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${enter(scope)}`,
  );
}

/**
 * Runs `work` in a transaction that sees only the tenants in `scope` and may change their dead letters.
 *
 * @throws TransientError Postgres is unavailable or too busy; see withTransaction.
 */
export function workAsTenants<Result>(
  pool: ScopedPool,
  scope: TenantScope,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return withTransaction(pool, work, `BEGIN ISOLATION LEVEL READ COMMITTED; ${enter(scope)}`);
}

/** Role and setting end with the transaction, so nothing leaks to the next user of a pooled connection. */
function enter(scope: TenantScope): string {
  if (scope === 'all') return `SET LOCAL ROLE ${SCOPE_ROLES.all}`;
  // As keys of an object, because Postgres finds a key by binary search.
  const tenants = JSON.stringify(Object.fromEntries(scope.map((tenant) => [tenant, 1])));
  // Inlined, because several statements in one round trip cannot have parameters.
  const setting = `SELECT set_config('pulse.tenants', ${escapeLiteral(tenants)}, true)`;
  return `SET LOCAL ROLE ${SCOPE_ROLES.some}; ${setting}`;
}

/**
 * Checks the roles: they exist, cannot bypass row-level security, and this user may switch to them.
 *
 * @throws FatalError PULSE_POSTGRES_ROLES, saying what to do.
 */
export async function assertScopeRoles(pool: Pick<Pool, 'query'>): Promise<void> {
  const { rows } = await pool.query<{ rolname: string; isBound: boolean; isOurs: boolean }>(
    `SELECT rolname, NOT (rolsuper OR rolbypassrls) AS "isBound",
            pg_has_role(current_user, oid,
              CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END)
              AS "isOurs"
     FROM pg_roles WHERE rolname = ANY($1)`,
    [Object.values(SCOPE_ROLES)],
  );
  for (const name of Object.values(SCOPE_ROLES)) {
    const role = rows.find(({ rolname }) => rolname === name);
    if (role?.isBound === true && role.isOurs) continue;
    const wrong =
      role === undefined
        ? 'does not exist'
        : role.isBound
          ? 'is not granted to the user of DATABASE_URL'
          : 'can bypass row-level security';
    throw new FatalError(
      'PULSE_POSTGRES_ROLES',
      `DATABASE_URL: the Postgres role ${name}, which keeps tenants apart, ${wrong}. ` +
        `Run as a Postgres administrator: ${REMEDY.replaceAll('NAME', name)}`,
    );
  }
}

const REMEDY =
  'CREATE ROLE NAME NOLOGIN, or ALTER ROLE NAME NOSUPERUSER NOBYPASSRLS; then GRANT NAME TO the user of DATABASE_URL.';
