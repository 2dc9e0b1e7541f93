/** Who has logged in, and what they may do. */
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from './client.ts';

export type Role = 'viewer' | 'operator' | 'admin';

export interface Me {
  readonly kind: 'user' | 'key';
  readonly name: string;
  readonly role: Role;
  /** Undefined: all tenants. */
  readonly tenants: readonly string[] | undefined;
}

/** Undefined until it is known. */
export function useMe(): Me | undefined {
  const { data } = useQuery({
    queryKey: ['me'],
    queryFn: () => dataOf(api.GET('/api/v1/me')),
    staleTime: 60_000,
  });
  if (data === undefined) return undefined;
  return {
    kind: data.kind,
    name: data.name,
    role: data.role,
    tenants: data.tenants === 'all' ? undefined : data.tenants,
  };
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

export function hasRole(me: Me | undefined, role: Role): boolean {
  return me !== undefined && RANK[me.role] >= RANK[role];
}
