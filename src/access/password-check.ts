/** Checks the password that a request carries, as often as the limiter allows, and records what is refused. */
import type { FastifyRequest } from 'fastify';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { sourceOf, type RefusalLog } from './audit.ts';
import type { CheckCredentials, Credentials } from './credentials.ts';
import type { LoginLimiter } from './login-limiter.ts';
import type { User } from './users.ts';

export interface PasswordCheckDeps {
  readonly checkCredentials: CheckCredentials;
  readonly limiter: LoginLimiter;
  readonly refusals: RefusalLog;
}

/**
 * Counts the attempt before it computes any hash.
 *
 * @param what What the password is for, as the logs call it.
 * @returns Undefined: the password or the name is wrong, or the user is disabled.
 * @throws ProblemError PULSE_API_TOO_MANY_REQUESTS
 */
export async function checkPassword(
  { checkCredentials, limiter, refusals }: PasswordCheckDeps,
  request: FastifyRequest,
  { what, username, password }: Credentials & { readonly what: 'login' | 'password' },
): Promise<User | undefined> {
  const address = request.ip;
  const attempt = { username, address };
  // Who logs in is not logged before the name is known to exist: it may be a password in the wrong field.
  const sourceIf = (isKnown: boolean) =>
    sourceOf(request, isKnown || what === 'password' ? username : null);
  const waitSeconds = await limiter.admit(attempt);
  if (waitSeconds > 0) {
    refusals.warn(request.log, { address }, `${what} attempts exceeded`);
    refusals.note({ ...sourceIf(false), action: `${what} limited` });
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_TOO_MANY_REQUESTS, {
      detail: `There were too many ${what} attempts. Try again in ${waitSeconds} seconds.`,
      headers: { 'retry-after': String(waitSeconds) },
    });
  }
  const verdict = await checkCredentials({ username, password });
  if (!verdict.accepted) {
    const who = verdict.known ? { username } : {};
    request.log.warn({ ...who, known: verdict.known, address }, `${what} refused`);
    refusals.note({ ...sourceIf(verdict.known), action: `${what} refused` });
    return undefined;
  }
  await limiter.succeeded(attempt);
  return verdict.user;
}
