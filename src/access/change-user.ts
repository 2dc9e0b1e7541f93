/** Changes the rights of a user over the API, so that an enabled administrator always remains. */
import type { Pool } from 'pg';
import type { Caller, Role } from '../http/caller.ts';
import type { TenantScope } from '../core/tenant-scope.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { withTransaction } from '../platform/postgres.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';
import { mayHaveScope } from './access-rules.ts';
import type { AuditSource } from './audit.ts';
import {
  isEnabledAdmin,
  lockUserAndAdmins,
  setDisabled,
  setRights,
  type UserRow,
} from './users.ts';

/** What is undefined stays. */
export interface UserChange {
  readonly role?: Role | undefined;
  readonly scope?: TenantScope | undefined;
  readonly isDisabled?: boolean | undefined;
}

/**
 * Changes a user and notes it in the audit log, both or neither.
 *
 * The command line may disable the last administrator: who works there has the database, and can enable it again.
 *
 * @throws ProblemError There is no such user, an administrator would see some tenants only, or none would remain.
 */
export async function changeUser(
  pool: Pick<Pool, 'connect'>,
  { username, ...change }: UserChange & Pick<UserRow, 'username'>,
  { caller, source }: { readonly caller: Caller; readonly source: AuditSource },
): Promise<UserRow> {
  return await withTransaction(pool, async (client) => {
    const { user, adminCount } = await lockUserAndAdmins(client, username);
    if (user === undefined) throw noUser();
    const { role = user.role, scope = user.scope } = change;
    const isDisabled = change.isDisabled ?? user.disabledAt !== null;
    refuseLimitedAdmin(role, scope);
    const remains = role === 'admin' && !isDisabled;
    if (isEnabledAdmin(user) && !remains) refuseIfNeeded(user, { caller, adminCount });
    if (role !== user.role || !isSameScope(scope, user.scope)) {
      const before = { role: user.role, tenants: user.scope };
      const details = { role, tenants: scope, before };
      await setRights(client, { username, role, scope }, { ...source, details });
    }
    if (isDisabled !== (user.disabledAt !== null)) {
      await setDisabled(client, { username, isDisabled }, source);
    }
    return (await lockUserAndAdmins(client, username)).user ?? user;
  });
}

/** @throws ProblemError 400 An administrator of some tenants. */
export function refuseLimitedAdmin(role: Role, scope: TenantScope): void {
  if (mayHaveScope(role, scope)) return;
  throw invalidField('tenants', 'must be "all" for the role admin');
}

export function noUser(): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: 'There is no user with this name.',
  });
}

/** Keys of administrators do not count: only a user can log in and create another key. */
function refuseIfNeeded(
  { username }: Pick<UserRow, 'username'>,
  { caller, adminCount }: { readonly caller: Caller; readonly adminCount: number },
): void {
  if (adminCount === 1) {
    throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_LAST_ADMIN, {
      detail: 'Make another user an admin first.',
    });
  }
  if (caller.kind === 'user' && caller.name === username) {
    throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_OWN_ACCESS, {
      detail: 'Ask another admin to disable you or to change your role.',
    });
  }
}

function isSameScope(one: TenantScope, other: TenantScope): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
