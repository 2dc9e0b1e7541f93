/** The rules for users, passwords and keys: the command line and the API take them from here. */
import { TENANT_PATTERN } from '../contract/rules.ts';
import type { Role } from '../http/caller.ts';
import type { TenantScope } from '../core/tenant-scope.ts';

/** Names appear in logs and paths: one with a colon would look like a key, and one of dots like a folder. */
export const USERNAME_PATTERN = '^(?!\\.{1,2}$)[A-Za-z0-9_.@-]{1,64}$';
export const USERNAME_LENGTH_MAX = 64;
export const USERNAME_RULE = '1 to 64 letters, digits, . _ @ -';

/** In code points. */
export const PASSWORD_LENGTH = { min: 12, max: 1_024 } as const;

/** What a key is for, in a person's words. */
export const KEY_NAME_LENGTH_MAX = 128;
export const KEY_LIFE_DAYS = { default: 90, max: 3_650 } as const;
export const DAY_SECONDS = 86_400;

/** In the list of one user or key. */
export const TENANTS_MAX = 1_000;

/** Disabled ones too. */
export const USERS_MAX = 10_000;
/** Expired ones too, but not those that are revoked. */
export const KEYS_MAX = 10_000;

export function isUsername(text: string): boolean {
  return new RegExp(USERNAME_PATTERN, 'u').test(text);
}

export function isNewPassword(text: string): boolean {
  const { length } = Array.from(text);
  return length >= PASSWORD_LENGTH.min && length <= PASSWORD_LENGTH.max;
}

export function isKeyName(text: string): boolean {
  return /^[^\p{Cc}\p{Cs}]+$/u.test(text) && Array.from(text).length <= KEY_NAME_LENGTH_MAX;
}

export function isTenant(text: string): boolean {
  return new RegExp(TENANT_PATTERN, 'u').test(text);
}

/** An administrator always sees all tenants. */
export function mayHaveScope(role: Role, scope: TenantScope): boolean {
  return role !== 'admin' || scope === 'all';
}

/** The list without repetitions. */
export function toScope(tenants: 'all' | readonly string[]): TenantScope {
  return tenants === 'all' ? tenants : [...new Set(tenants)];
}
