/** The hook that protects every route: it authenticates the caller and checks the caller's rights. */
import { timingSafeEqual } from 'node:crypto';
import type { FastifyContextConfig, FastifyInstance, FastifyRequest } from 'fastify';
import type { RefusalLog } from './audit.ts';
import { includesScope } from '../core/tenant-scope.ts';
import { actorNameOf, type Caller } from '../http/caller.ts';
import type { Identities } from './identities.ts';
import { parseKeyText } from './key-text.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import type { AccessClaims, Tokens } from './tokens.ts';
import { ACCESS_PROBLEMS } from './access-problems.ts';

export interface AuthDeps {
  readonly identities: Identities;
  readonly tokens: Tokens;
  readonly refusals: RefusalLog;
  /** Whether a token is SECRET_TOKEN. */
  readonly isSecretToken: (token: string) => boolean;
}

/** Who calls with SECRET_TOKEN: one system that may do what an operator may, for all tenants. */
const SECRET_TOKEN_CALLER: Caller = {
  kind: 'key',
  name: 'SECRET_TOKEN',
  role: 'operator',
  tenants: 'all',
};

const BEARER = /^Bearer +([\w.~+/=-]{1,4096})$/i;

/**
 * Protects the API: denies by default, in one place.
 *
 * A token or key proves the identity of the caller. The caller's rights are looked up, not read from the token, so a
 * disabled user or a revoked key is refused within `BELIEVED_MS`.
 */
export function addAuth(app: FastifyInstance, deps: AuthDeps): void {
  app.decorateRequest('checkRights', async function checkRights(this: FastifyRequest) {
    const caller = await authenticate(deps, this);
    authorize(caller, this.routeOptions.config);
    if (includesScope(caller.tenants, this.user.tenants)) return;
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_FORBIDDEN, {
      detail: 'You may no longer see all of these tenants.',
    });
  });
  app.addHook('onRequest', async (request) => {
    const { config } = request.routeOptions;
    // A path without a route has nothing to protect: the answer is 404 for every caller.
    if (request.is404 || config.public === true) return;
    try {
      request.user = await authenticate(deps, request);
      authorize(request.user, config);
    } catch (error) {
      if (error instanceof ProblemError) noteRefusal(deps.refusals, request, error);
      throw error;
    }
  });
}

/** @throws ProblemError PULSE_API_FORBIDDEN The caller lacks the role or the tenants. */
function authorize({ role, tenants }: Caller, config: FastifyContextConfig): void {
  if (config.roles?.includes(role) !== true) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_FORBIDDEN, {
      detail: `This needs the role ${config.roles?.join(' or ') ?? 'of no caller'}; yours is ${role}.`,
    });
  }
  if (config.allTenants === true && tenants !== 'all') {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_FORBIDDEN, {
      detail: 'This needs a caller who may see all tenants.',
    });
  }
}

async function authenticate(deps: AuthDeps, request: FastifyRequest): Promise<Caller> {
  const { authorization } = request.headers;
  if (authorization === undefined) {
    throw new UnauthenticatedError('Send the header `Authorization: Bearer <token>`.', {
      challenge: 'Bearer realm="pulse"',
    });
  }
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) {
    throw invalidToken('The header must be `Authorization: Bearer <token>`.');
  }
  if (deps.isSecretToken(token)) return SECRET_TOKEN_CALLER;
  return token.startsWith('pulse_')
    ? await authenticateKey(deps, token, request.ip)
    : await authenticateUser(deps, token);
}

async function authenticateUser({ identities, tokens }: AuthDeps, token: string): Promise<Caller> {
  const { sub, ver, exp } = verifyToken(tokens, token);
  if (typeof sub !== 'string' || sub === '') throw invalidToken('The token is not valid.');
  const user = await identities.findUser(sub, ver);
  if (user?.tokenVersion !== ver) {
    throw invalidToken('The token is no longer valid.', { actor: sub });
  }
  return { ...user.caller, expiresAtMs: exp * 1000 };
}

/** Only a caller with the right secret learns why a key is refused. */
async function authenticateKey(
  { identities }: AuthDeps,
  text: string,
  address: string,
): Promise<Caller> {
  const credentials = parseKeyText(text);
  const key = credentials && (await identities.findKey(credentials.id, address));
  if (
    credentials === undefined ||
    key === undefined ||
    !timingSafeEqual(key.secretHash, credentials.secretHash)
  ) {
    throw invalidToken('The key is not valid.');
  }
  const actor = actorNameOf(key.caller);
  if (key.isRevoked) throw invalidToken('The key has been revoked.', { actor });
  if (key.expiresAtMs <= Date.now()) throw invalidToken('The key has expired.', { actor });
  identities.noteKeyUsed(credentials.id);
  return key.caller;
}

function verifyToken(tokens: Tokens, token: string): AccessClaims {
  try {
    return tokens.verify(token);
  } catch (error) {
    const code = codeOf(error);
    if (!code.startsWith('FAST_JWT_')) throw error;
    const isExpired = code === 'FAST_JWT_EXPIRED';
    const detail = isExpired ? 'The token has expired.' : 'The token is not valid.';
    throw invalidToken(detail, { cause: error });
  }
}

/** Logs the pattern of the path, because the path itself may hold values that must not be logged. */
function noteRefusal(refusals: RefusalLog, request: FastifyRequest, error: ProblemError): void {
  const { kind, options } = error;
  const { code } = kind;
  const { method, url } = request.routeOptions;
  // Typed as always present, but null until authentication has succeeded.
  const user = request.user as Caller | null;
  const recognised = error instanceof UnauthenticatedError ? error.actor : null;
  const actor = user === null ? recognised : actorNameOf(user);
  const reason = options.detail ?? code;
  const cause = codeOf(options.cause);
  const facts = { code, reason, cause, actor, address: request.ip };
  refusals.warn(request.log, facts, 'request refused');
  refusals.note({
    action: 'denied',
    actor,
    via: 'api',
    address: request.ip,
    requestId: request.id,
    subject: `${String(method)} ${url ?? ''}`,
    details: { reason },
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? '') : '';
}

/** A 401. `actor` is a caller who was recognised but is refused; it appears only in the logs. */
class UnauthenticatedError extends ProblemError {
  readonly actor: string | null;

  constructor(detail: string, options: { challenge: string; actor?: string; cause?: unknown }) {
    const { challenge, actor = null, cause } = options;
    super(ACCESS_PROBLEMS.PULSE_API_UNAUTHENTICATED, {
      detail,
      headers: { 'www-authenticate': challenge },
      cause,
    });
    this.actor = actor;
  }
}

function invalidToken(detail: string, refused: { actor?: string; cause?: unknown } = {}) {
  const challenge = 'Bearer realm="pulse", error="invalid_token"';
  return new UnauthenticatedError(detail, { challenge, ...refused });
}
