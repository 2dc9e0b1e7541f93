/** Checks a username and password without telling which of the two was wrong, not even by time. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import { createGate, hashPassword, needsRehash, verifyPassword } from './passwords.ts';
import { findUser, renewPasswordHash, type User } from './users.ts';

/** Two hashes take under 50 ms of two threads; forty waiting logins are answered within a second or so. */
const HASHING = { runningMax: 2, waitingMax: 40 };

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** `user`: who has logged in. `known` tells the log, and nobody else, whether the name is anybody's. */
export type CredentialsVerdict =
  | { readonly accepted: true; readonly user: User }
  | { readonly accepted: false; readonly known: boolean };

export type CheckCredentials = (credentials: Credentials) => Promise<CredentialsVerdict>;

/** Creates the check. An unknown name costs the same hash as a known one, against a hash of nothing. */
export async function createCredentialsCheck(pool: Pool): Promise<CheckCredentials> {
  const gate = createGate(HASHING);
  const dummyHash = await hashPassword(randomBytes(32).toString('base64'));
  return async ({ username, password }) => {
    const user = await findUser(pool, username);
    const matches = await gate(() => verifyPassword(user?.passwordHash ?? dummyHash, password));
    if (user === undefined || !matches || user.isDisabled) {
      return { accepted: false, known: user !== undefined };
    }
    if (needsRehash(user.passwordHash)) await rehash(user, password);
    return { accepted: true, user };
  };

  async function rehash(user: User, password: string): Promise<void> {
    await renewPasswordHash(pool, user, await gate(() => hashPassword(password)));
  }
}
