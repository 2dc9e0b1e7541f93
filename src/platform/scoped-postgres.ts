/**
 * Transactions that see only some tenants: a second guard behind the tenant filter of every query.
 *
 * They run as a Postgres role that has only the rights granted in migrations/0008_access.sql, and row-level
 * security limits it to the tenants in the setting `pulse.tenants`. A query without a tenant filter sees no
 * other tenants; a transaction without the setting fails.
 *
 * Callers of one tenant take turns at some of the pool's connections, so that slow work of theirs cannot keep
 * everybody else out.
 */
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import { shareOf, type TenantScope } from '../core/tenant-scope.ts';
import { createFairTurns, type FairTurns } from './fair-turns.ts';
import { withTransaction } from './postgres.ts';

/** The roles created by 0008_access.sql, by scope. */
export const SCOPE_ROLES = { all: 'pulse_all_tenants', some: 'pulse_some_tenants' } as const;

export type ScopedPool = Pick<Pool, 'connect'> & { readonly options?: { readonly max?: number } };

/** Connections for what is not limited to tenants, such as logins and health checks. */
const UNSCOPED_CONNECTIONS = 2;
const CONNECTIONS_DEFAULT = 10;
const WAITING_MAX = 200;
const WAIT_MS = 10_000;

const turnsOfPools = new WeakMap<ScopedPool, FairTurns>();

function turnsOf(pool: ScopedPool): FairTurns {
  const known = turnsOfPools.get(pool);
  if (known !== undefined) return known;
  const connections = pool.options?.max ?? CONNECTIONS_DEFAULT;
  const runningMax = Math.max(1, connections - UNSCOPED_CONNECTIONS);
  const turns = createFairTurns({
    runningMax,
    runningMaxPerShare: Math.ceil(runningMax / 2),
    waitingMaxPerShare: WAITING_MAX,
    waitMs: WAIT_MS,
  });
  turnsOfPools.set(pool, turns);
  return turns;
}

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
  return inTurn(pool, scope, read, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
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
  return inTurn(pool, scope, work, 'BEGIN ISOLATION LEVEL READ COMMITTED');
}

/** `work` must not ask for another turn: it would wait for itself. */
function inTurn<Result>(
  pool: ScopedPool,
  scope: TenantScope,
  work: (client: PoolClient) => Promise<Result>,
  begin: string,
): Promise<Result> {
  return turnsOf(pool).run(shareOf(scope), () =>
    withTransaction(pool, work, `${begin}; ${enter(scope)}`),
  );
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
