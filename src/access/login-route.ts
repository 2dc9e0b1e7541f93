/** POST /login. */
import type { FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import type { Api } from '../http/api-module.ts';
import { insertAudit, type AuditSource, type RefusalLog } from './audit.ts';
import type { CheckCredentials } from './credentials.ts';
import type { LoginLimiter } from './login-limiter.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { loginSchema } from './login-schema.ts';
import type { Tokens } from './tokens.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';

export interface LoginRouteDeps {
  readonly pool: Pool;
  readonly checkCredentials: CheckCredentials;
  readonly limiter: LoginLimiter;
  readonly tokens: Tokens;
  readonly refusals: RefusalLog;
}

/** Adds the route. It counts attempts before it computes any hash. */
export function addLoginRoute(api: Api, deps: LoginRouteDeps): void {
  const { pool, checkCredentials, limiter, tokens, refusals } = deps;

  const config = { public: true, answersSecret: true } as const;
  api.post('/login', { schema: loginSchema, config }, async (request) => {
    const { username, password } = request.body;
    const attempt = { username, address: request.ip };
    const waitSeconds = await limiter.admit(attempt);
    if (waitSeconds > 0) {
      refusals.warn(request.log, { address: request.ip }, 'login attempts exceeded');
      refusals.note({ ...sourceOf(request, null), action: 'login limited' });
      throw new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
        detail: `There were too many login attempts. Try again in ${waitSeconds} seconds.`,
        headers: { 'retry-after': String(waitSeconds) },
      });
    }
    const verdict = await checkCredentials({ username, password });
    if (!verdict.accepted) {
      // Not logged: an unknown name may be a password that was typed into the wrong field.
      const who = verdict.known ? { username } : {};
      request.log.warn({ ...who, known: verdict.known, address: request.ip }, 'login refused');
      const source = sourceOf(request, verdict.known ? username : null);
      refusals.note({ ...source, action: 'login refused' });
      throw new ProblemError(ACCESS_PROBLEMS.PULSE_API_INVALID_CREDENTIALS, {
        detail: 'Check both, and whether the account exists and is not disabled.',
        headers: { 'www-authenticate': 'Bearer realm="pulse"' },
      });
    }
    await limiter.succeeded(attempt);
    await withTransaction(pool, (client) =>
      insertAudit(client, { ...sourceOf(request, username), action: 'login accepted' }),
    );
    request.log.info({ username, address: request.ip }, 'login accepted');
    const { token, expiresAtSec } = tokens.issue(verdict.user);
    return { Auth: { Token: token, ExpiresAt: expiresAtSec } };
  });
}

function sourceOf(request: FastifyRequest, actor: string | null): AuditSource {
  return { actor, via: 'api', address: request.ip, requestId: request.id };
}
