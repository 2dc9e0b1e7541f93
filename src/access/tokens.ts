/** Tokens of logged-in users: JWTs with one algorithm, and a secret that can be rotated without ending them. */
import { createHash, randomUUID } from 'node:crypto';
import { fastifyJwt, type FastifyJWTOptions, type JWT } from '@fastify/jwt';
import type { FastifyInstance } from 'fastify';
import { FatalError } from '../core/errors.ts';
import type { Caller } from '../http/caller.ts';

export interface AccessClaims {
  readonly sub: string;
  readonly jti: string;
  /** The user's token version at issue. */
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
  interface JWT {
    /** Verifies under the previous secret. */
    previous?: Pick<JWT, 'verify'>;
  }
}

export interface TokenOptions {
  /** Signs new tokens. At least 32 bytes. */
  readonly jwtSecret: string;
  /** The secret before this one. Its tokens remain valid. */
  readonly jwtSecretPrevious?: string | undefined;
  readonly jwtIssuer: string;
  readonly tokenTtlSeconds: number;
}

export interface IssuedToken {
  readonly token: string;
  readonly expiresAtSec: number;
}

export interface Tokens {
  issue(user: { username: string; tokenVersion: number }): IssuedToken;
  /** @throws An error with a code FAST_JWT_… if the token is not valid. */
  verify(token: string): AccessClaims;
}

const ALGORITHM = 'HS256';
const AUDIENCE = 'pulse-api';
const SECRET_BYTES_MIN = 32;

/**
 * Adds tokens to the API.
 *
 * There is one algorithm, so a token cannot choose another. A token names its secret by `kid`, and can choose only
 * between the two that are configured. Issuer, audience and age are checked, and every claim is required. There is no
 * cache, so no token is accepted after it expired.
 *
 * @throws FatalError PULSE_CONFIG_INVALID a secret is too short.
 */
export async function addTokens(app: FastifyInstance, options: TokenOptions): Promise<Tokens> {
  const { jwtSecret, jwtSecretPrevious, tokenTtlSeconds } = options;
  await app.register(fastifyJwt, jwtOptions('JWT_SECRET', jwtSecret, options));
  const verifiers = new Map<unknown, Pick<JWT, 'verify'>>([[keyIdOf(jwtSecret), app.jwt]]);
  if (jwtSecretPrevious !== undefined && jwtSecretPrevious !== jwtSecret) {
    await app.register(fastifyJwt, {
      ...jwtOptions('JWT_SECRET_PREVIOUS', jwtSecretPrevious, options),
      namespace: 'previous',
    });
    if (app.jwt.previous !== undefined) {
      verifiers.set(keyIdOf(jwtSecretPrevious), app.jwt.previous);
    }
  }
  return {
    issue({ username, tokenVersion }) {
      const iat = Math.floor(Date.now() / 1000);
      const exp = iat + tokenTtlSeconds;
      const claims = { sub: username, ver: tokenVersion, jti: randomUUID(), iat, exp };
      return { token: app.jwt.sign(claims), expiresAtSec: exp };
    },
    verify(token) {
      const verifier = verifiers.get(claimedKeyId(app, token));
      if (verifier === undefined) throw new UnknownKeyError('The token names an unknown secret.');
      return verifier.verify<AccessClaims>(token);
    },
  };
}

/** A token in the answer to a password. */
export function toTokenJson({ token, expiresAtSec }: IssuedToken) {
  return { Auth: { Token: token, ExpiresAt: expiresAtSec } };
}

class UnknownKeyError extends Error {
  readonly code = 'FAST_JWT_UNKNOWN_KEY';
}

/** Names a secret without revealing anything about it. */
export function keyIdOf(secret: string): string {
  return createHash('sha256').update(`pulse jwt ${secret}`).digest('hex').slice(0, 16);
}

function claimedKeyId(app: FastifyInstance, token: string): unknown {
  try {
    return app.jwt.decode<{ header?: { kid?: unknown } }>(token, { complete: true })?.header?.kid;
  } catch {
    return undefined;
  }
}

function jwtOptions(variable: string, secret: string, options: TokenOptions): FastifyJWTOptions {
  if (Buffer.byteLength(secret) < SECRET_BYTES_MIN) {
    throw new FatalError(
      'PULSE_CONFIG_INVALID',
      `${variable}: must have at least ${SECRET_BYTES_MIN} bytes.`,
    );
  }
  return {
    secret,
    sign: { algorithm: ALGORITHM, iss: options.jwtIssuer, aud: AUDIENCE, kid: keyIdOf(secret) },
    verify: {
      algorithms: [ALGORITHM],
      allowedIss: options.jwtIssuer,
      allowedAud: AUDIENCE,
      requiredClaims: ['iss', 'aud', 'exp', 'sub', 'iat', 'jti', 'ver'],
      checkTyp: 'JWT',
      maxAge: options.tokenTtlSeconds,
      cache: false,
    },
  };
}
