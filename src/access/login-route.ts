/** POST /login. */
import { withTransaction } from '../platform/postgres.ts';
import type { Api } from '../http/api-module.ts';
import { insertAudit, sourceOf } from './audit.ts';
import { ProblemError } from '../http/problems.ts';
import { loginSchema } from './login-schema.ts';
import { checkPassword, type PasswordCheckDeps } from './password-check.ts';
import { toTokenJson, type Tokens } from './tokens.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';

export interface LoginRouteDeps extends PasswordCheckDeps {
  readonly tokens: Tokens;
}

/** The longest password, of 1,024 characters, and username have 13 KiB when all of it is escaped, as `\ud83d\ude00`. */
const BODY_BYTES_MAX = 16 * 1024;

export function addLoginRoute(api: Api, deps: LoginRouteDeps): void {
  const { pool, tokens } = deps;

  const config = { public: true, answersSecret: true } as const;
  api.post(
    '/login',
    { schema: loginSchema, config, bodyLimit: BODY_BYTES_MAX },
    async (request) => {
      const user = await checkPassword(deps, request, { what: 'login', ...request.body });
      if (user === undefined) {
        throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_INVALID_CREDENTIALS, {
          detail: 'Check both, and whether the account exists and is not disabled.',
          headers: { 'www-authenticate': 'Bearer realm="pulse"' },
        });
      }
      const { username } = user;
      await withTransaction(pool, (client) =>
        insertAudit(client, { ...sourceOf(request, username), action: 'login accepted' }),
      );
      request.log.info({ username, address: request.ip }, 'login accepted');
      return toTokenJson(tokens.issue(user));
    },
  );
}
