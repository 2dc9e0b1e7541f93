/** Who has logged in, and what they may do. */
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf } from './client.ts';

export type Role = 'viewer' | 'operator' | 'admin';

export interface Me {
  readonly kind: 'user' | 'key';
  readonly name: string;
  /** Nobody else has it. */
  readonly actor: string;
  readonly role: Role;
  /** Undefined: all tenants. */
  readonly tenants: readonly string[] | undefined;
}

const AGAIN_MS = 5_000;

/** Undefined until it is known. */
export function useMe(): Me | undefined {
  return useWho().me;
}

/** As long as it is not known, with what went wrong the last time, and asks again. */
export function useWho() {
  const { data, error, refetch } = useQuery({
    queryKey: ['me'],
    queryFn: () => dataOf(api.GET('/api/v1/me')),
    staleTime: 60_000,
    // Every page waits for it, so a failure shows at once.
    retry: false,
    refetchInterval: ({ state }) =>
      state.data === undefined && state.error !== null ? AGAIN_MS : false,
  });
  // The next try begins without an error. What is shown stays until that has an answer.
  const [failure, setFailure] = useState(error);
  if (error !== null && error !== failure) setFailure(error);
  const me: Me | undefined = data && {
    kind: data.kind,
    name: data.name,
    actor: data.actor,
    role: data.role,
    tenants: data.tenants === 'all' ? undefined : data.tenants,
  };
  return { me, failure, refetch };
}

const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };

export function hasRole(me: Me | undefined, role: Role): boolean {
  return me !== undefined && RANK[me.role] >= RANK[role];
}
