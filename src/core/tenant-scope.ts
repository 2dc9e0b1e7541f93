/** Which tenants a caller may see and send for, and with whom it shares limits. */
import { createHash } from 'node:crypto';

/** Which tenants a caller may see and send for. */
export type TenantScope = 'all' | readonly string[];

/** What callers of all tenants may take of what has a limit an hour, in limits of a tenant: they send for many. */
export const ALL_TENANTS_FACTOR = 10;

/** Names are compared exactly, as everywhere. */
export function includesTenant(scope: TenantScope, tenant: string): boolean {
  return scope === 'all' || scope.includes(tenant);
}

/** Whether one sees all that the other does. */
export function includesScope(scope: TenantScope, other: TenantScope): boolean {
  if (scope === 'all' || other === 'all') return scope === 'all';
  const tenants = new Set(scope);
  return other.every((tenant) => tenants.has(tenant));
}

/** The parameter of `tenant = ANY(…)`; undefined when there must be no such condition. */
export function tenantsOf(scope: TenantScope): readonly string[] | undefined {
  return scope === 'all' ? undefined : scope;
}

/** A longer one does not fit into an index of Postgres, so it is hashed, as migration 0047 does. */
const SHARE_BYTES_MAX = 1_000;

/** Callers with the same scope share limits and turns: the callers of one tenant, and those of all tenants. */
export function shareOf(tenants: TenantScope): string {
  if (tenants === 'all') return 'all';
  const list = JSON.stringify([...new Set(tenants)].sort());
  if (Buffer.byteLength(list) <= SHARE_BYTES_MAX) return list;
  return `sha256:${createHash('sha256').update(list).digest('hex')}`;
}
