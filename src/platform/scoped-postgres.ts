/**
 * Transactions that see only some tenants: the second guard, behind the filter of every query.
 *
 * They run under a Postgres role without any right but those that migrations/0008_access.sql gives it, and
 * row-level security holds it to the tenants in the setting `pulse.tenants`. A query that forgets its own
 * filter finds nothing of others; a transaction that forgets the setting fails.
 */
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import { FatalError } from '../core/errors.ts';
import type { TenantScope } from '../core/tenant-scope.ts';
import { withTransaction } from './postgres.ts';

/** The roles that 0008_access.sql makes, by the scope they are for. */
export const SCOPE_ROLES = { all: 'pulse_all_tenants', some: 'pulse_some_tenants' } as const;

type ScopedPool = Pick<Pool, 'connect'>;

/**
 * One REPEATABLE READ READ ONLY transaction, under a Postgres role that cannot bypass row-level security,
 * limited to `scope`.
 *
 * @throws TransientError Postgres is away or too busy.
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
 * One transaction that may also change dead letters, those of `scope` alone.
 *
 * @throws TransientError Postgres is away or too busy; see withTransaction.
 */
export function workAsTenants<Result>(
  pool: ScopedPool,
  scope: TenantScope,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return withTransaction(pool, work, `BEGIN ISOLATION LEVEL READ COMMITTED; ${enter(scope)}`);
}

/** Both settings end with the transaction, so a pooled connection carries nothing to its next user. */
function enter(scope: TenantScope): string {
  if (scope === 'all') return `SET LOCAL ROLE ${SCOPE_ROLES.all}`;
  // The keys of an object: Postgres looks one up among many by halving.
  const tenants = JSON.stringify(Object.fromEntries(scope.map((tenant) => [tenant, 1])));
  // As text: several statements in one round trip take no parameters.
  const setting = `SELECT set_config('pulse.tenants', ${escapeLiteral(tenants)}, true)`;
  return `SET LOCAL ROLE ${SCOPE_ROLES.some}; ${setting}`;
}

/**
 * Makes sure that the second guard stands: the roles exist, bind, and may be taken on by this user.
 *
 * @throws FatalError PULSE_POSTGRES_ROLES saying what to do.
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
          : 'may bypass row-level security';
    throw new FatalError(
      'PULSE_POSTGRES_ROLES',
      `DATABASE_URL: the Postgres role ${name}, which keeps tenants apart, ${wrong}. ` +
        `As an administrator of Postgres: ${REMEDY.replaceAll('NAME', name)}`,
    );
  }
}

const REMEDY =
  'CREATE ROLE NAME NOLOGIN, or ALTER ROLE NAME NOSUPERUSER NOBYPASSRLS; then GRANT NAME TO the user of DATABASE_URL.';
