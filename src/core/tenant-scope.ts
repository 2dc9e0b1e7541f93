/** Which tenants a caller may see and send for. */
export type TenantScope = 'all' | readonly string[];

/** Whether the tenant is in the scope; compared exactly, as everywhere. */
export function includesTenant(scope: TenantScope, tenant: string): boolean {
  return scope === 'all' || scope.includes(tenant);
}

/** The scope as the parameter of `tenant = ANY(…)`; undefined for all, where no condition belongs. */
export function tenantsOf(scope: TenantScope): readonly string[] | undefined {
  return scope === 'all' ? undefined : scope;
}
