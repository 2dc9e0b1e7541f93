/** Users over HTTP, for administrators. */
import type { Pool } from 'pg';
import type { Api } from '../http/api-module.ts';
import { ADMINS } from '../http/caller.ts';
import { toKeyPage } from '../http/key-page.ts';
import { PAGE_LIMIT_DEFAULT } from '../http/page-schema.ts';
import { ProblemError } from '../http/problems.ts';
import { toUserJson } from './access-json.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';
import { toScope, USERS_MAX } from './access-rules.ts';
import { sourceOf } from './audit.ts';
import type { HashFor } from './credentials.ts';
import { changeUser, noUser, refuseLimitedAdmin } from './change-user.ts';
import { RIGHTS_BYTES_MAX } from './schema-terms.ts';
import {
  addUserSchema,
  changeUserSchema,
  getUserSchema,
  listUsersSchema,
  setPasswordSchema,
} from './users-schema.ts';
import { addUser, listUsers, readUser, setPasswordHash } from './users.ts';

export interface UsersDeps {
  readonly pool: Pick<Pool, 'connect'>;
  readonly hashPassword: HashFor;
}

const READ = { roles: ADMINS } as const;
/** The audit log gets its entry with the change. */
const WRITE = { roles: ADMINS, unaudited: true } as const;

export function addUsersRoutes(api: Api, deps: UsersDeps): void {
  addReads(api, deps.pool);
  addAdding(api, deps);
  addChanges(api, deps);
}

function addReads(api: Api, pool: Pick<Pool, 'connect'>): void {
  api.get('/users', { schema: listUsersSchema, config: READ }, async ({ query }, reply) => {
    const { limit = PAGE_LIMIT_DEFAULT, after = '' } = query;
    const rows = await listUsers(pool, { limit: limit + 1, after });
    const path = `${api.prefix}/users`;
    const { data, next } = toKeyPage(reply, rows, { limit, path, key: (row) => row.username });
    return { data: data.map(toUserJson), next };
  });

  api.get('/users/:username', { schema: getUserSchema, config: READ }, async ({ params }) => {
    const found = await readUser(pool, params.username);
    if (found === undefined) throw noUser();
    return toUserJson(found);
  });
}

function addAdding(api: Api, { pool, hashPassword }: UsersDeps): void {
  const options = { schema: addUserSchema, config: WRITE, bodyLimit: RIGHTS_BYTES_MAX };
  api.post('/users', options, async (request, reply) => {
    const { username, password, role, tenants } = request.body;
    const scope = toScope(tenants);
    refuseLimitedAdmin(role, scope);
    const passwordHash = await hashPassword(request.user, password);
    const user = { username, passwordHash, role, scope };
    const added = await addUser(pool, user, sourceOf(request));
    if (added === 'taken') {
      throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_USER_EXISTS, {
        detail: 'Take another name, or change the user.',
      });
    }
    if (added === 'full') {
      throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_TOO_MANY_USERS, {
        detail: `There are ${USERS_MAX} users, and that is the limit.`,
      });
    }
    void reply.code(201).header('location', `${api.prefix}/users/${encodeURIComponent(username)}`);
    return toUserJson(added);
  });
}

function addChanges(api: Api, { pool, hashPassword }: UsersDeps): void {
  const change = { schema: changeUserSchema, config: WRITE, bodyLimit: RIGHTS_BYTES_MAX };
  api.patch('/users/:username', change, async (request) => {
    const { role, tenants, disabled: isDisabled } = request.body;
    const { username } = request.params;
    const scope = tenants === undefined ? undefined : toScope(tenants);
    const asked = { username, role, scope, isDisabled };
    const by = { caller: request.user, source: sourceOf(request) };
    return toUserJson(await changeUser(pool, asked, by));
  });

  const password = { schema: setPasswordSchema, config: WRITE };
  api.put('/users/:username/password', password, async (request, reply) => {
    const { username } = request.params;
    // First, so that a wrong name costs no hash.
    if ((await readUser(pool, username)) === undefined) throw noUser();
    const passwordHash = await hashPassword(request.user, request.body.password);
    const version = await setPasswordHash(pool, { username, passwordHash }, sourceOf(request));
    if (version === undefined) throw noUser();
    return reply.code(204).send(null);
  });
}
