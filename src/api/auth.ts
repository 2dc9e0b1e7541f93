/** Tokens, and the one hook that protects every route which is not marked public. */
import { randomUUID } from 'node:crypto';
import { fastifyJwt } from '@fastify/jwt';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { FatalError } from '../core/errors.ts';
import { ProblemError } from './problems.ts';

/** Who makes a request. */
export interface Caller {
  readonly username: string;
}

/** What a token says. */
export interface AccessClaims {
  readonly sub: string;
  readonly jti: string;
  /** Unix seconds, like `exp`. */
  readonly iat: number;
  readonly exp: number;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered without a token. Everything else needs one. */
    public?: true;
  }
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
export async function addAuth(app: FastifyInstance, options: AuthOptions): Promise<void> {
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
      requiredClaims: ['iss', 'aud', 'exp', 'sub', 'iat', 'jti'],
      checkTyp: 'JWT',
      maxAge: options.tokenTtlSeconds,
      cache: false,
    },
  });
  app.addHook('onRequest', (request, _reply, done) => {
    // A path without a route has nothing to protect; 404 says so to everybody.
    if (request.is404 || request.routeOptions.config.public === true) {
      done();
      return;
    }
    request.user = authenticate(app, request);
    done();
  });
}

/** Signs a token for a caller. */
export function issueToken(
  app: FastifyInstance,
  { username }: Caller,
  { tokenTtlSeconds }: { tokenTtlSeconds: number },
): { token: string; expiresAtSec: number } {
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + tokenTtlSeconds;
  return {
    token: app.jwt.sign({ sub: username, jti: randomUUID(), iat, exp }),
    expiresAtSec: exp,
  };
}

function authenticate(app: FastifyInstance, request: FastifyRequest): Caller {
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
  try {
    const { sub } = app.jwt.verify<AccessClaims>(token);
    if (typeof sub !== 'string' || sub === '') throw invalidToken('The token is not valid.');
    return { username: sub };
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
