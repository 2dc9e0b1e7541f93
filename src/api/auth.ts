/** Tokens, and the one hook that protects every route: who calls, and whether he may. */
import { randomUUID } from 'node:crypto';
import { fastifyJwt } from '@fastify/jwt';
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify';
import { FatalError } from '../core/errors.ts';
import type { Caller } from './caller.ts';
import type { Identities } from './identities.ts';
import { ProblemError } from './problems.ts';

/** What a token says. */
export interface AccessClaims {
  readonly sub: string;
  readonly jti: string;
  /** The user's token version when it was issued. */
  readonly ver: number;
  /** Unix seconds, like `exp`. */
  readonly iat: number;
  readonly exp: number;
}

declare module '@fastify/jwt' {
  interface FastifyJWT {
    payload: AccessClaims;
    user: Caller;
  }
}

export interface AuthOptions {
  /** At least 32 bytes. */
  readonly jwtSecret: string;
  readonly jwtIssuer: string;
  readonly tokenTtlSeconds: number;
}

const ALGORITHM = 'HS256';
const AUDIENCE = 'pulse-api';
const SECRET_BYTES_MIN = 32;
const BEARER = /^Bearer +([\w.~+/=-]{1,4096})$/i;

/**
 * Adds tokens to the API and protects it: deny by default, in one place.
 *
 * One algorithm, so a token cannot choose another; issuer, audience and life are checked, every claim
 * must be there; no cache, so that no token outlives its end.
 *
 * @throws FatalError PULSE_CONFIG_INVALID the secret is too short.
 */
export async function addAuth(
  app: FastifyInstance,
  identities: Identities,
  options: AuthOptions,
): Promise<void> {
  if (Buffer.byteLength(options.jwtSecret) < SECRET_BYTES_MIN) {
    throw new FatalError(
      'PULSE_CONFIG_INVALID',
      `JWT_SECRET: must have at least ${SECRET_BYTES_MIN} bytes.`,
    );
  }
  await app.register(fastifyJwt, {
    secret: options.jwtSecret,
    sign: { algorithm: ALGORITHM, iss: options.jwtIssuer, aud: AUDIENCE },
    verify: {
      algorithms: [ALGORITHM],
      allowedIss: options.jwtIssuer,
      allowedAud: AUDIENCE,
      requiredClaims: ['iss', 'aud', 'exp', 'sub', 'iat', 'jti', 'ver'],
      checkTyp: 'JWT',
      maxAge: options.tokenTtlSeconds,
      cache: false,
    },
  });
  app.addHook('onRequest', async (request) => {
    // A path without a route has nothing to protect; 404 says so to everybody.
    if (request.is404 || request.routeOptions.config.public === true) return;
    request.user = await authenticate(app, identities, request);
    authorize(request.user, request.routeOptions.config);
  });
}

/** @throws ProblemError PULSE_API_FORBIDDEN The route is not for this caller. */
function authorize({ role, tenants }: Caller, config: FastifyContextConfig): void {
  if (config.roles?.includes(role) !== true) {
    throw new ProblemError('PULSE_API_FORBIDDEN', {
      detail: `It takes the role ${config.roles?.join(' or ') ?? 'of nobody'}; yours is ${role}.`,
    });
  }
  if (config.allTenants === true && tenants !== 'all') {
    throw new ProblemError('PULSE_API_FORBIDDEN', {
      detail: 'It takes a caller who may see all tenants.',
    });
  }
}

/** Signs a token for a user. */
export function issueToken(
  app: FastifyInstance,
  { username, tokenVersion }: { username: string; tokenVersion: number },
  { tokenTtlSeconds }: { tokenTtlSeconds: number },
): { token: string; expiresAtSec: number } {
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + tokenTtlSeconds;
  return {
    token: app.jwt.sign({ sub: username, ver: tokenVersion, jti: randomUUID(), iat, exp }),
    expiresAtSec: exp,
  };
}

async function authenticate(
  app: FastifyInstance,
  identities: Identities,
  request: FastifyRequest,
): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    throw unauthenticated(
      'Send the header `Authorization: Bearer <token>`.',
      'Bearer realm="pulse"',
    );
  }
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) {
    throw invalidToken('The header must be `Authorization: Bearer <token>`.');
  }
  const { sub, ver } = verifyToken(app, request, token);
  if (typeof sub !== 'string' || sub === '') throw invalidToken('The token is not valid.');
  const user = await identities.findUser(sub);
  if (user?.tokenVersion !== ver) throw invalidToken('The token is not valid any more.');
  return user.caller;
}

function verifyToken(app: FastifyInstance, request: FastifyRequest, token: string): AccessClaims {
  try {
    return app.jwt.verify<AccessClaims>(token);
  } catch (error) {
    const code = codeOf(error);
    if (!code.startsWith('FAST_JWT_')) throw error;
    request.log.warn({ code, address: request.ip }, 'token refused');
    throw invalidToken(
      code === 'FAST_JWT_EXPIRED' ? 'The token has expired.' : 'The token is not valid.',
    );
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
}

function invalidToken(detail: string): ProblemError {
  return unauthenticated(detail, 'Bearer realm="pulse", error="invalid_token"');
}

function unauthenticated(detail: string, challenge: string): ProblemError {
  return new ProblemError('PULSE_API_UNAUTHENTICATED', {
    detail,
    headers: { 'www-authenticate': challenge },
  });
}
