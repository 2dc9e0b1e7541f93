/**
 * Transactions that see only some tenants: a second guard behind the tenant filter of every query.
 *
 * They run as a Postgres role that has only the rights granted in migrations/0008_access.sql, and row-level
 * security limits it to the tenants in the setting `pulse.tenants`. A query without a tenant filter sees no
 * other tenants; a transaction without the setting fails.
 */
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
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

/**
 * Role and settings end with the transaction, so nothing leaks to the next user of a pooled connection.
 *
 * The search path becomes the schema of the tables, because `"$user"` in it would stand for the role's name.
 */
function enter(scope: TenantScope): string {
  const path = "set_config('search_path', quote_ident(current_schema()), true)";
  if (scope === 'all') return `SELECT ${path}; SET LOCAL ROLE ${SCOPE_ROLES.all}`;
  // As keys of an object, because Postgres finds a key by binary search.
  const tenants = JSON.stringify(Object.fromEntries(scope.map((tenant) => [tenant, 1])));
  // Inlined, because several statements in one round trip cannot have parameters.
  const setting = `set_config('pulse.tenants', ${escapeLiteral(tenants)}, true)`;
  return `SELECT ${path}, ${setting}; SET LOCAL ROLE ${SCOPE_ROLES.some}`;
}
