/** Rows of the access matrix: the caller, users, keys and the audit log. */
import { randomUUID } from 'node:crypto';
import { ADMINS, READERS } from '../../src/http/caller.ts';
import { V1, type MatrixRow } from './access-matrix-row.ts';

/** Administrators see all tenants, so all strangers are refused for their role. */
const ADMIN = { roles: ADMINS, strangers: 403 } as const;
const PASSWORD = 'a long enough password';
const RIGHTS = { role: 'viewer', tenants: 'all' };

export const ACCESS_ROWS: Readonly<Record<string, MatrixRow>> = {
  [`GET ${V1}/me`]: {
    ...{ roles: READERS, strangers: 200, shows: true },
    request: () => ({ url: `${V1}/me` }),
  },
  // A right password would end the callers' tokens; a key has none.
  [`PUT ${V1}/me/password`]: {
    ...{ roles: READERS, strangers: 422 },
    request: () => ({
      url: `${V1}/me/password`,
      payload: { current_password: 'wrong', new_password: PASSWORD },
    }),
  },
  [`GET ${V1}/users`]: { ...ADMIN, request: () => ({ url: `${V1}/users` }) },
  [`POST ${V1}/users`]: {
    ...ADMIN,
    request: () => ({
      url: `${V1}/users`,
      payload: { username: `matrix-${randomUUID()}`, password: PASSWORD, ...RIGHTS },
    }),
  },
  [`GET ${V1}/users/:username`]: {
    ...ADMIN,
    request: async (world) => ({ url: `${V1}/users/${await world.newUser()}` }),
  },
  [`PATCH ${V1}/users/:username`]: {
    ...ADMIN,
    request: async (world) => ({
      url: `${V1}/users/${await world.newUser()}`,
      payload: { disabled: true },
    }),
  },
  [`PUT ${V1}/users/:username/password`]: {
    ...ADMIN,
    request: async (world) => ({
      url: `${V1}/users/${await world.newUser()}/password`,
      payload: { password: PASSWORD },
    }),
  },
  [`GET ${V1}/keys`]: { ...ADMIN, request: () => ({ url: `${V1}/keys` }) },
  [`POST ${V1}/keys`]: {
    ...ADMIN,
    request: () => ({ url: `${V1}/keys`, payload: { name: 'matrix', ...RIGHTS } }),
  },
  [`DELETE ${V1}/keys/:id`]: {
    ...ADMIN,
    request: async (world) => ({ url: `${V1}/keys/${await world.newKey()}` }),
  },
  [`GET ${V1}/audit`]: { ...ADMIN, request: () => ({ url: `${V1}/audit` }) },
};
