/**
 * Transactions that see only some tenants: a second guard behind the tenant filter of every query.
 *
 * They run as a Postgres role that has only the rights granted in migrations/0008_access.sql, and row-level
 * security limits it to the tenants in the setting `pulse.tenants`. A query without a tenant filter sees no
 * other tenants; a transaction without the setting fails.
 *
 * Whatever callers of one tenant do, reads and writes, takes turns at some of the pool's connections, so that slow or
 * much work of theirs cannot keep everybody else out. Modules of the API have no other way to a connection: they are
 * given a ScopedPool, which by itself can do nothing.
 */
import { escapeLiteral, type Pool, type PoolClient } from 'pg';
import { shareOf, type TenantScope } from '../core/tenant-scope.ts';
import { createFairTurns, type FairTurns } from './fair-turns.ts';
import { withTransaction } from './postgres.ts';

/** The roles created by 0008_access.sql, by scope. */
export const SCOPE_ROLES = { all: 'pulse_all_tenants', some: 'pulse_some_tenants' } as const;

/** Any pool, without what would take a connection out of turn. */
export type ScopedPool = Pick<Pool, 'options'>;

/** Connections at their turns. Each is held until it is released. */
export interface Connections extends Pick<Pool, 'connect' | 'query'> {
  readonly of: ScopedPool;
}

/** The scope of who is not known by name, such as the bearer of a signed link. They share their turns. */
export const NOBODY: TenantScope = [];

/** Connections for what is not limited to tenants, such as logins and health checks. Strangers take one of them. */
const UNSCOPED_CONNECTIONS = 2;
const STRANGERS_CONNECTIONS = 1;
const WAITING = { waitingMaxPerShare: 200, waitMs: 10_000 };

interface PoolTurns {
  readonly ofTenants: FairTurns;
  readonly ofStrangers: FairTurns;
}

const turnsOfPools = new WeakMap<ScopedPool, PoolTurns>();

function turnsOf(pool: ScopedPool): PoolTurns {
  const known = turnsOfPools.get(pool);
  if (known !== undefined) return known;
  const connections = pool.options.max;
  const runningMax = Math.max(1, connections - UNSCOPED_CONNECTIONS);
  const turns = {
    ofTenants: createFairTurns({
      ...WAITING,
      runningMax,
      runningMaxPerShare: Math.ceil(runningMax / 2),
    }),
    ofStrangers: createFairTurns({
      ...WAITING,
      runningMax: STRANGERS_CONNECTIONS,
      runningMaxPerShare: 1,
    }),
  };
  turnsOfPools.set(pool, turns);
  return turns;
}

/**
 * The connections of callers with this scope, for single statements and for several transactions. They are those of the
 * owner, as of `workAsOwner`.
 *
 * Whoever holds one must not ask for another: it may wait for itself.
 *
 * @throws TransientError PULSE_POSTGRES_BUSY, of a connection, when too much of this scope waits.
 */
export function connectionsOf(pool: ScopedPool, scope: TenantScope): Connections {
  const owner = pool as Pool;
  const atTurn = <Result>(work: () => Promise<Result>) =>
    turnsOf(pool).ofTenants.run(shareOf(scope), work);
  const query = owner.query.bind(owner) as (...values: unknown[]) => Promise<unknown>;
  const connect = () =>
    new Promise<PoolClient>((resolve, reject) => {
      atTurn(async () => {
        const client = await owner.connect();
        resolve(client);
        await untilReleased(client);
      }).catch(reject);
    });
  return {
    of: pool,
    connect: connect as Pool['connect'],
    query: ((...values: unknown[]) => atTurn(() => query(...values))) as Pool['query'],
  };
}

/** Who asks for what is not limited to tenants. Those of one share wait for each other. */
export interface TurnTaker {
  readonly share: string;
  /** Callers who are known take turns with the tenants, strangers only with each other. */
  readonly isKnown: boolean;
}

/**
 * Runs what can be asked for without a token, such as the look-up of a key. `work` must not ask for another turn.
 *
 * @throws TransientError PULSE_POSTGRES_BUSY Too much of this share waits, or the turn did not come in time.
 */
export function atTurnOf<Result>(
  pool: ScopedPool,
  { share, isKnown }: TurnTaker,
  work: () => Promise<Result>,
): Promise<Result> {
  return isKnown
    ? turnsOf(pool).ofTenants.run(`known ${share}`, work)
    : turnsOf(pool).ofStrangers.run(share, work);
}

/** For what ends work that holds a turn: it must not wait for one. One connection is never at a turn. */
export function outOfTurn(pool: ScopedPool): Pick<Pool, 'query'> {
  return pool as Pool;
}

function untilReleased(client: PoolClient): Promise<void> {
  return new Promise((released) => {
    // The pool sets it anew for each of its users.
    const release = client.release.bind(client);
    client.release = (error) => {
      release(error);
      released();
    };
  });
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

/**
 * Runs `work` in a transaction of the owner, who sees all rows: only the queries keep tenants apart.
 *
 * @throws TransientError Postgres is unavailable or too busy; see withTransaction.
 */
export function workAsOwner<Result>(
  pool: ScopedPool,
  scope: TenantScope,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return withTransaction(connectionsOf(pool, scope), work);
}

function inTurn<Result>(
  pool: ScopedPool,
  scope: TenantScope,
  work: (client: PoolClient) => Promise<Result>,
  begin: string,
): Promise<Result> {
  return withTransaction(connectionsOf(pool, scope), work, `${begin}; ${enter(scope)}`);
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
