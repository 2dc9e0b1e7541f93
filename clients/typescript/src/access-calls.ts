/** Calls about the caller, users, keys and the audit log. */
import type {
  AccessQuery,
  AuditEntry,
  AuditPage,
  AuditQuery,
  Key,
  KeysPage,
  KeyWithSecret,
  Me,
  NewKey,
  NewUser,
  User,
  UserChange,
  UsersPage,
} from './access-types.ts';
import { follow } from './paging.ts';
import type { Transport } from './transport.ts';

export interface IssuedToken {
  readonly token: string;
  readonly expiresAt: Date;
}

export interface AccessCalls {
  /** Logs in; later calls carry the token. */
  login(credentials: {
    readonly username: string;
    readonly password: string;
  }): Promise<IssuedToken>;
  readonly me: {
    get(): Promise<Me>;
    /** Ends all tokens of the user; later calls carry a new one. 12 to 1,024 characters. */
    changePassword(passwords: {
      readonly current_password: string;
      readonly new_password: string;
    }): Promise<IssuedToken>;
  };
  /** For administrators. */
  readonly users: {
    add(user: NewUser): Promise<User>;
    get(username: string): Promise<User>;
    /** One page, by name. */
    page(query?: AccessQuery): Promise<UsersPage>;
    /** All of them, page after page. */
    all(query?: AccessQuery): AsyncIterableIterator<User>;
    change(username: string, change: UserChange): Promise<User>;
    /** Ends all tokens of the user. */
    setPassword(username: string, password: string): Promise<void>;
  };
  /** For administrators. */
  readonly keys: {
    /** Not safe to repeat: a second call creates another key. */
    create(key: NewKey): Promise<KeyWithSecret>;
    /** One page, newest first. */
    page(query?: AccessQuery): Promise<KeysPage>;
    /** All of them, page after page, newest first. */
    all(query?: AccessQuery): AsyncIterableIterator<Key>;
    revoke(id: string): Promise<void>;
  };
  /** For administrators. */
  readonly audit: {
    /** One page, newest first. */
    page(query?: AuditQuery): Promise<AuditPage>;
    /** All entries, page after page, newest first. */
    all(query?: AuditQuery): AsyncIterableIterator<AuditEntry>;
  };
}

export function createAccessCalls(transport: Transport): AccessCalls {
  const userPath = (username: string) => `/users/${encodeURIComponent(username)}`;
  const usersPage = (query: AccessQuery = {}) =>
    transport.request<UsersPage>('GET', '/users', { query: { ...query } });
  const keysPage = (query: AccessQuery = {}) =>
    transport.request<KeysPage>('GET', '/keys', { query: { ...query } });
  const auditPage = (query: AuditQuery = {}) =>
    transport.request<AuditPage>('GET', '/audit', { query: { ...query } });
  const tokenFor = async (
    method: 'POST' | 'PUT',
    path: string,
    json: object,
  ): Promise<IssuedToken> => {
    type Answer = { Auth: { Token: string; ExpiresAt: number } };
    const { Auth } = await transport.request<Answer>(method, path, { json });
    transport.setToken(Auth.Token);
    return { token: Auth.Token, expiresAt: new Date(Auth.ExpiresAt * 1000) };
  };
  // The answer has no body.
  const isAnswer = () => true;

  return {
    login: (credentials) => tokenFor('POST', '/login', credentials),
    me: {
      get: () => transport.request('GET', '/me'),
      changePassword: (passwords) => tokenFor('PUT', '/me/password', passwords),
    },
    users: {
      add: (json) => transport.request('POST', '/users', { json }),
      get: (username) => transport.request('GET', userPath(username)),
      page: usersPage,
      all: (query) => follow(usersPage, query),
      change: (username, json) => transport.request('PATCH', userPath(username), { json }),
      setPassword: (username, password) =>
        transport.request('PUT', `${userPath(username)}/password`, {
          json: { password },
          isAnswer,
        }),
    },
    keys: {
      create: (json) => transport.request('POST', '/keys', { json }),
      page: keysPage,
      all: (query) => follow(keysPage, query),
      revoke: (id) => transport.request('DELETE', `/keys/${encodeURIComponent(id)}`, { isAnswer }),
    },
    audit: { page: auditPage, all: (query) => follow(auditPage, query) },
  };
}
