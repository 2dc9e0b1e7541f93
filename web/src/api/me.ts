/** Who has logged in, and what they may do. */
export type Role = 'viewer' | 'operator' | 'admin';

export interface Me {
  readonly name: string;
  readonly role: Role;
  /** Undefined: all tenants. */
  readonly tenants: readonly string[] | undefined;
}
const ADMIN: Me = { name: 'admin', role: 'admin', tenants: undefined };
export function useMe(): Me | undefined {
  return ADMIN;
}
const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

export function hasRole(me: Me | undefined, role: Role): boolean {
  return me !== undefined && RANK[me.role] >= RANK[role];
}
