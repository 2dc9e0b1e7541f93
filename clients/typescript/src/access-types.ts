/** Who may do what: users, keys, and the audit log. */

/** - `viewer` reads, `operator` also sends and repairs, `admin` does everything, for all tenants. */
export type Role = 'viewer' | 'operator' | 'admin';

/** All tenants, or a list. */
export type Tenants = 'all' | readonly string[];

export interface Me {
  readonly kind: 'user' | 'key';
  /** The username, or what the key is for. */
  readonly name: string;
  /** The name in histories and the audit log: the username, or `key:` and the id of the key. */
  readonly actor: string;
  readonly role: Role;
  readonly tenants: Tenants;
  /** When the token or key expires. Null: never. */
  readonly expires_at: string | null;
}

export interface NewUser {
  /** 1 to 64 letters, digits, . _ @ - */
  readonly username: string;
  /** 12 to 1,024 characters. */
  readonly password: string;
  readonly role: Role;
  /** An admin needs `'all'`. */
  readonly tenants: Tenants;
}

/** What is left out stays. */
export interface UserChange {
  readonly role?: Role;
  readonly tenants?: Tenants;
  readonly disabled?: boolean;
}

export interface User {
  readonly username: string;
  readonly role: Role;
  readonly tenants: Tenants;
  readonly created_at: string;
  readonly last_login_at: string | null;
  /** Null: the user may log in. */
  readonly disabled_at: string | null;
}

export interface NewKey {
  /** What it is for, 1 to 128 characters. */
  readonly name: string;
  readonly role: Role;
  /** An admin needs `'all'`. */
  readonly tenants: Tenants;
  /** 1 to 3,650. Default: 90. */
  readonly expires_in_days?: number;
}

export interface Key {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly tenants: Tenants;
  readonly created_by: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly revoked_at: string | null;
  /** To the minute. */
  readonly last_used_at: string | null;
}

export interface KeyWithSecret extends Key {
  /** No later answer has it. */
  readonly key: string;
}

export interface AccessQuery {
  /** Rows on a page, 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface AuditQuery extends AccessQuery {
  readonly actor?: string;
  readonly action?: AuditAction;
  readonly subject?: string;
  /** Since then. */
  readonly from?: string | Date;
  /** Before then. */
  readonly to?: string | Date;
}

export type AuditAction =
  | 'login accepted'
  | 'login refused'
  | 'login limited'
  | 'password refused'
  | 'password limited'
  | 'denied'
  | 'changed'
  | 'user added'
  | 'user changed'
  | 'user disabled'
  | 'user enabled'
  | 'password changed'
  | 'key created'
  | 'key revoked';

export interface AuditEntry {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly actor: string | null;
  readonly via: 'api' | 'command_line';
  readonly address: string | null;
  readonly request_id: string | null;
  /** A username, the id of a key, or a route. */
  readonly subject: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface UsersPage {
  readonly data: readonly User[];
  readonly next: string | null;
}

export interface KeysPage {
  readonly data: readonly Key[];
  readonly next: string | null;
}

export interface AuditPage {
  readonly data: readonly AuditEntry[];
  readonly next: string | null;
}
