/** Who makes a request, and what a route says about who may. */
import type { TenantScope } from '../core/tenant-scope.ts';

/**
 * - `viewer`: reads.
 * - `operator`: also sends pulses, starts populate runs and works with dead letters.
 * - `admin`: everything.
 */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A user or an API key, as it stands now. */
export interface Caller {
  readonly kind: 'user' | 'key';
  /** Username, or the key's id. */
  readonly name: string;
  readonly role: Role;
  readonly tenants: TenantScope;
}

/** Who may call what only reads. */
export const READERS: readonly Role[] = ['viewer', 'operator', 'admin'];
/** Who may call what changes something. */
export const OPERATORS: readonly Role[] = ['operator', 'admin'];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered to everybody. A route has either this or `roles`: without both the API does not start. */
    public?: true;
    /** Who may call the route. */
    roles?: readonly Role[];
    /** For callers of all tenants only: what the route does has no tenant. */
    allTenants?: true;
  }
}

/** The caller's name for histories, in which a user and a key must not look alike. */
export function actorNameOf({ kind, name }: Pick<Caller, 'kind' | 'name'>): string {
  // No username has a colon.
  return kind === 'user' ? name : `key:${name}`;
}
