/** Access to the API: tokens, keys, the hook that protects every route, the audit log, and login. */
import type { Pool } from 'pg';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf } from '../http/caller.ts';
import type { Logger } from '../platform/logger.ts';
import { connectionsOf } from '../platform/scoped-postgres.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';
import { auditChanges } from './audit-changes.ts';
import { createRefusalLog } from './audit.ts';
import { addAuth } from './auth.ts';
import { addAuditRoutes } from './audit-routes.ts';
import { createCredentialsCheck, createHashingTurns, type HashFor } from './credentials.ts';
import type { Identities } from './identities.ts';
import { addKeysRoutes } from './keys-routes.ts';
import { createLoginLimiter, type LoginLimits } from './login-limiter.ts';
import { addLoginRoute } from './login-route.ts';
import { addMeRoutes } from './me-routes.ts';
import { hashPassword } from './passwords.ts';
import { createSecretTokenCheck } from './secret-token.ts';
import { addTokens, type TokenOptions } from './tokens.ts';
import { addUsersRoutes } from './users-routes.ts';

export interface AccessDeps {
  readonly pool: Pool;
  readonly identities: Identities;
  readonly logger: Logger;
}

export interface AccessOptions extends TokenOptions {
  readonly loginLimits?: LoginLimits;
  /** A static bearer token, at least 32 characters; undefined: there is none. */
  readonly secretToken?: string | undefined;
}

export interface Access {
  /**
   * Protects every route that is added after this call. Closes with the app.
   *
   * @returns The module with login, users, keys and the audit log.
   * @throws FatalError PULSE_CONFIG_INVALID a secret is too short.
   */
  protect(app: Api): Promise<ApiModule>;
}

const LOGIN_LIMITS: LoginLimits = {
  perAccount: 10,
  perAddress: 60,
  windowMs: 60_000,
  accountsMax: 500_000,
};

export function createAccess(deps: AccessDeps, options: AccessOptions): Access {
  const { pool, identities, logger } = deps;
  return {
    async protect(app) {
      const refusals = createRefusalLog(pool, logger);
      app.addHook('onClose', async () => {
        await Promise.all([refusals.close(), identities.close()]);
      });
      const tokens = await addTokens(app, options);
      const isSecretToken = createSecretTokenCheck(options.secretToken);
      addAuth(app, { identities, tokens, refusals, isSecretToken });
      auditChanges(app, pool);
      const inTurn = createHashingTurns();
      const checkCredentials = await createCredentialsCheck(pool, inTurn);
      const limits = options.loginLimits ?? LOGIN_LIMITS;
      const limiter = createLoginLimiter(pool, options.jwtSecret, limits);
      const hash: HashFor = (by, password) =>
        inTurn({ share: actorNameOf(by), isKnown: true }, () => hashPassword(password));
      return {
        tag: { name: 'auth', description: 'Logging in, users, keys, and the audit log.' },
        problems: ACCESS_PROBLEMS,
        addRoutes(api) {
          const deps = { pool, tokens, refusals, checkCredentials, limiter, hashPassword: hash };
          addLoginRoute(api, deps);
          addMeRoutes(api, deps);
          // Only administrators call them, who are of all tenants.
          const connections = connectionsOf(pool, 'all');
          addUsersRoutes(api, { ...deps, pool: connections });
          addKeysRoutes(api, connections);
          addAuditRoutes(api, connections);
        },
      };
    },
  };
}
