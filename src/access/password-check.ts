/** Checks the password that a request carries, as often as the limiter allows, and records what is refused. */
import type { FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import { addressGroup } from '../core/address-group.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { atTurnOf, type TurnTaker } from '../platform/scoped-postgres.ts';
import { sourceOf, type RefusalLog } from './audit.ts';
import type { CheckCredentials } from './credentials.ts';
import type { Admission, LoginAttempt, LoginLimiter } from './login-limiter.ts';
import { findUser, type User } from './users.ts';

export interface PasswordCheckDeps {
  readonly pool: Pool;
  readonly checkCredentials: CheckCredentials;
  readonly limiter: LoginLimiter;
  readonly refusals: RefusalLog;
}

/** `what`: what the password is for, as the logs call it. At a `login`, nothing is known about the caller. */
interface Asked {
  readonly what: 'login' | 'password';
  readonly username: string;
  readonly password: string;
}

/**
 * Counts the attempt before it computes any hash.
 *
 * @returns Undefined: the password or the name is wrong, or the user is disabled.
 * @throws ProblemError PULSE_API_TOO_MANY_REQUESTS, PULSE_API_BUSY
 * @throws TransientError Postgres is unavailable, or too busy with strangers of the same address.
 */
export async function checkPassword(
  deps: PasswordCheckDeps,
  request: FastifyRequest,
  { what, username, password }: Asked,
): Promise<User | undefined> {
  const { checkCredentials, limiter, refusals } = deps;
  const address = request.ip;
  const attempt = { username, address };
  // Who logs in is not logged before the name is known to exist: it may be a password in the wrong field.
  const sourceIf = (isKnown: boolean) =>
    sourceOf(request, isKnown || what === 'password' ? username : null);
  const { user, ...admission } = await admit(deps, what, attempt);
  const { waitSeconds } = admission;
  if (waitSeconds > 0) {
    refusals.warn(request.log, { address }, `${what} attempts exceeded`);
    refusals.note({ ...sourceIf(false), action: `${what} limited` });
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
      detail: `There were too many ${what} attempts. Try again in ${waitSeconds} seconds.`,
      headers: { 'retry-after': String(waitSeconds) },
    });
  }
  const isRight = await checkCredentials(
    { user, password },
    turnTaker(what, attempt, admission.isUsualPlace),
  );
  if (user === undefined || !isRight) {
    const known = user !== undefined;
    const who = known ? { username } : {};
    refusals.warn(request.log, { ...who, known, address }, `${what} refused`);
    refusals.note({ ...sourceIf(known), action: `${what} refused` });
    return undefined;
  }
  await limiter.succeeded(attempt);
  return user;
}

/** Counts the attempt and looks the user up, at the turn of whoever asks. */
async function admit(
  { pool, limiter }: PasswordCheckDeps,
  what: Asked['what'],
  attempt: LoginAttempt,
): Promise<Admission & { readonly user: User | undefined }> {
  const taker = turnTaker(what, attempt, limiter.isRemembered(attempt));
  return await atTurnOf(pool, taker, async () => {
    const admission = await limiter.admit(attempt);
    const isAdmitted = admission.waitSeconds === 0;
    return { ...admission, user: isAdmitted ? await findUser(pool, attempt.username) : undefined };
  });
}

/** Whoever is known shares turns with nobody else: neither with strangers, nor with others behind one proxy. */
function turnTaker(
  what: Asked['what'],
  { username, address }: LoginAttempt,
  isUsualPlace: boolean,
): TurnTaker {
  if (what === 'password') return { share: username, isKnown: true };
  const place = addressGroup(address);
  return isUsualPlace
    ? { share: `${username} ${place}`, isKnown: true }
    : { share: place, isKnown: false };
}
