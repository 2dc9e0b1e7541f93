/** POST /login. */
import type { FastifyRequest } from 'fastify';
import type { Api } from '../api-types.ts';
import { issueToken } from '../auth.ts';
import type { CheckCredentials, Credentials } from '../credentials.ts';
import { ProblemError } from '../problems.ts';
import { loginSchema } from '../schemas/login-schema.ts';

export interface LoginRouteOptions {
  readonly checkCredentials: CheckCredentials;
  readonly tokenTtlSeconds: number;
  readonly loginLimits: LoginLimits;
}

/** How many attempts are answered in each span of `windowMs`. */
export interface LoginLimits {
  /** For one username from one address: stops guessing a password. */
  readonly perAccount: number;
  /** For one address over all usernames: stops trying one password on many names. */
  readonly perAddress: number;
  readonly windowMs: number;
}

type LimitCheck = ReturnType<Api['createRateLimit']>;

/** Adds the route. Attempts are counted in this process, before any hash is computed. */
export function addLoginRoute(api: Api, options: LoginRouteOptions): void {
  const { checkCredentials, tokenTtlSeconds } = options;
  const { perAccount, perAddress, windowMs } = options.loginLimits;
  const limits = [
    api.createRateLimit({ max: perAddress, timeWindow: windowMs }),
    api.createRateLimit({ max: perAccount, timeWindow: windowMs, keyGenerator: accountKey }),
  ];

  api.post('/login', { schema: loginSchema, config: { public: true } }, async (request) => {
    for (const limit of limits) await refuseExceeded(limit, request);
    const { username } = request.body;
    const verdict = await checkCredentials(request.body);
    if (!verdict.accepted) {
      // An unknown name may be a password typed into the wrong field: it is not logged.
      const who = verdict.known ? { username } : {};
      request.log.warn({ ...who, known: verdict.known, address: request.ip }, 'login refused');
      throw new ProblemError('PULSE_API_INVALID_CREDENTIALS', {
        headers: { 'www-authenticate': 'Bearer realm="pulse"' },
      });
    }
    request.log.info({ username, address: request.ip }, 'login accepted');
    const { token, expiresAtSec } = issueToken(api, verdict.user, { tokenTtlSeconds });
    return { Auth: { Token: token, ExpiresAt: expiresAtSec } };
  });
}

function accountKey(request: FastifyRequest): string {
  const { username } = request.body as Credentials;
  return JSON.stringify([request.ip, username]);
}

async function refuseExceeded(limit: LimitCheck, request: FastifyRequest): Promise<void> {
  const verdict = await limit(request);
  if (verdict.isAllowed || !verdict.isExceeded) return;
  request.log.warn({ address: request.ip }, 'login attempts exceeded');
  throw new ProblemError('PULSE_API_TOO_MANY_REQUESTS', {
    detail: `Try again in ${verdict.ttlInSeconds} seconds.`,
    headers: { 'retry-after': String(verdict.ttlInSeconds) },
  });
}
