/** Users and keys as the API and `--json` show them: never with a password, a secret or a hash of one. */
import type { TenantScope } from '../core/tenant-scope.ts';
import type { ApiKey } from './api-keys.ts';
import type { UserRow } from './users.ts';

export function toUserJson(user: UserRow) {
  return {
    username: user.username,
    role: user.role,
    tenants: toScopeJson(user.scope),
    created_at: user.createdAt.toISOString(),
    last_login_at: user.lastLoginAt?.toISOString() ?? null,
    disabled_at: user.disabledAt?.toISOString() ?? null,
  };
}

export function toKeyJson(key: ApiKey) {
  return {
    id: key.id,
    name: key.name,
    role: key.role,
    tenants: toScopeJson(key.scope),
    created_by: key.createdBy,
    created_at: key.createdAt.toISOString(),
    expires_at: key.expiresAt.toISOString(),
    revoked_at: key.revokedAt?.toISOString() ?? null,
    last_used_at: key.lastUsedAt?.toISOString() ?? null,
  };
}

export function toScopeJson(scope: TenantScope): 'all' | string[] {
  return scope === 'all' ? scope : [...scope];
}
