/** The caller of a request, and the rules of a route about who may call it. */
import type { TenantScope } from '../core/tenant-scope.ts';

/**
 * - `viewer`: reads.
 * - `operator`: also sends pulses, starts populate runs and works with dead letters.
 * - `admin`: may do everything.
 */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** A user or an API key, with its current rights. */
export interface Caller {
  readonly kind: 'user' | 'key';
  /** Username, or the key's id. */
  readonly name: string;
  readonly role: Role;
  readonly tenants: TenantScope;
  /** When the token or key of this request expires; undefined: never. */
  readonly expiresAtMs?: number;
}

/** The roles that may call a route that only reads. */
export const READERS: readonly Role[] = ['viewer', 'operator', 'admin'];
/** The roles that may call a route that changes something. */
export const OPERATORS: readonly Role[] = ['operator', 'admin'];

/** The role that may say who may do what. */
export const ADMINS: readonly Role[] = ['admin'];

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needs no token. Every route has this or `roles`, or the API does not start. */
    public?: true;
    roles?: readonly Role[];
    /** For callers of all tenants only, because the work of the route belongs to no tenant. */
    allTenants?: true;
  }
  interface FastifyRequest {
    /**
     * Looks again whether the caller may call the route and see the same tenants, for an answer that lasts.
     *
     * @throws ProblemError The caller may not. Anything else: it is not known at present.
     */
    checkRights(): Promise<void>;
  }
}

/** The caller's name for logs and histories, where a user and a key must not look alike. */
export function actorNameOf({ kind, name }: Pick<Caller, 'kind' | 'name'>): string {
  // No username has a colon.
  return kind === 'user' ? name : `key:${name}`;
}
