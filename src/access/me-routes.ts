/** The caller: who it is, and its own password. */
import type { Api } from '../http/api-module.ts';
import { actorNameOf, READERS } from '../http/caller.ts';
import { ProblemError } from '../http/problems.ts';
import { atTurnOf } from '../platform/scoped-postgres.ts';
import { toScopeJson } from './access-json.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';
import { findKey } from './api-keys.ts';
import { sourceOf } from './audit.ts';
import type { HashFor } from './credentials.ts';
import { changeOwnPasswordSchema, getMeSchema } from './me-schema.ts';
import { checkPassword, type PasswordCheckDeps } from './password-check.ts';
import { toTokenJson, type Tokens } from './tokens.ts';
import { setPasswordHash } from './users.ts';

export interface MeDeps extends PasswordCheckDeps {
  readonly tokens: Tokens;
  readonly hashPassword: HashFor;
}

export function addMeRoutes(api: Api, deps: MeDeps): void {
  const { pool, tokens, hashPassword } = deps;

  api.get('/me', { schema: getMeSchema, config: { roles: READERS } }, async ({ user }) => {
    const { kind, name, role, tenants, expiresAtMs } = user;
    // SECRET_TOKEN is no key of the table. At a turn of its own: the caller may have many writes under way.
    const find = () => findKey(pool, name);
    const turn = { share: name, isKnown: true };
    const key = kind === 'key' ? await atTurnOf(pool, turn, find) : undefined;
    return {
      kind,
      name: key?.name ?? name,
      actor: actorNameOf(user),
      role,
      tenants: toScopeJson(tenants),
      expires_at: expiresAtMs === undefined ? null : new Date(expiresAtMs).toISOString(),
    };
  });

  // The audit log gets its entry with the change.
  const config = {
    roles: READERS,
    answersSecret: true,
    unaudited: true,
    // A caller who has sent too much must still be able to change it.
    unstored: true,
  } as const;
  api.put('/me/password', { schema: changeOwnPasswordSchema, config }, async (request) => {
    const { kind, name: username } = request.user;
    if (kind === 'key') {
      throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_NO_PASSWORD, {
        detail: 'Only a user who has logged in has a password to change.',
      });
    }
    const { current_password: password, new_password: wanted } = request.body;
    const user = await checkPassword(deps, request, { what: 'password', username, password });
    const tokenVersion =
      user &&
      (await setPasswordHash(
        pool,
        {
          username,
          passwordHash: await hashPassword(request.user, wanted),
          tokenVersion: user.tokenVersion,
        },
        sourceOf(request),
      ));
    if (tokenVersion === undefined) {
      throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_WRONG_PASSWORD, {
        detail: 'Nothing was changed. Send the password with which you log in now.',
      });
    }
    request.log.info({ username, address: request.ip }, 'password changed');
    return toTokenJson(tokens.issue({ username, tokenVersion }));
  });
}
