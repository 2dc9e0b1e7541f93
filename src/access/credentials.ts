/** Checks a username and password without revealing which of the two was wrong, not even by its duration. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import type { Caller } from '../http/caller.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { createFairTurns } from '../platform/fair-turns.ts';
import type { TurnTaker } from '../platform/scoped-postgres.ts';
import { hashPassword, needsRehash, verifyPassword } from './passwords.ts';
import { renewPasswordHash, type User } from './users.ts';

/**
 * One hash at a time for callers who are known and one for strangers, because each takes 19 MiB and one of libuv's four
 * threads, which file and name look-ups also need. A hash takes under 50 ms.
 */
const HASHING = { runningMax: 1, runningMaxPerShare: 1, waitingMaxPerShare: 10, waitMs: 10_000 };

/**
 * Runs work that computes a hash, at its turn. Strangers, from however many addresses, never keep those waiting who are
 * known: by a token, or because the user has logged in from there before.
 *
 * @throws ProblemError PULSE_API_BUSY Too many of this share wait, or the turn did not come in time.
 */
export type HashingTurns = <Result>(by: TurnTaker, work: () => Promise<Result>) => Promise<Result>;

/** Creates the turns that all hashes of one process share. */
export function createHashingTurns(): HashingTurns {
  const options = { ...HASHING, refusal: tooManyLogins };
  const [ofKnown, ofStrangers] = [createFairTurns(options), createFairTurns(options)];
  return ({ share, isKnown }, work) => (isKnown ? ofKnown : ofStrangers).run(share, work);
}

/** Hashes a new password, at the turn of the caller who sets it. */
export type HashFor = (by: Caller, password: string) => Promise<string>;

function tooManyLogins(): ProblemError {
  return new ProblemError(HTTP_PROBLEMS.PULSE_API_BUSY, {
    detail: 'Too many logins are in progress. Try again later.',
  });
}

/** @returns Whether the password is that of the user, who is not disabled. */
export type CheckCredentials = (
  credentials: { readonly user: User | undefined; readonly password: string },
  by: TurnTaker,
) => Promise<boolean>;

/** Creates the check. No user costs as much time as one: the password is verified against a dummy hash. */
export async function createCredentialsCheck(
  pool: Pool,
  inTurn: HashingTurns,
): Promise<CheckCredentials> {
  const dummyHash = await hashPassword(randomBytes(32).toString('base64'));
  return async ({ user, password }, by) => {
    const stored = user?.passwordHash ?? dummyHash;
    const matches = await inTurn(by, () => verifyPassword(stored, password));
    if (user === undefined || !matches || user.isDisabled) return false;
    if (needsRehash(user.passwordHash)) {
      await renewPasswordHash(pool, user, await inTurn(by, () => hashPassword(password)));
    }
    return true;
  };
}
