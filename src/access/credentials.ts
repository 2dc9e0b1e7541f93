/** Checks a username and password without revealing which of the two was wrong, not even by its duration. */
import { randomBytes } from 'node:crypto';
import type { Pool } from 'pg';
import {
  createConcurrencyLimit,
  hashPassword,
  needsRehash,
  verifyPassword,
  type ConcurrencyLimit,
} from './passwords.ts';
import { findUser, renewPasswordHash, type User } from './users.ts';

/** Two hashes use two threads for under 50 ms, so forty waiting logins are answered within about a second. */
const HASHING = { runningMax: 2, waitingMax: 40 };

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** `known`: whether the username exists. Only the log may show it. */
export type CredentialsVerdict =
  | { readonly accepted: true; readonly user: User }
  | { readonly accepted: false; readonly known: boolean };

export type CheckCredentials = (credentials: Credentials) => Promise<CredentialsVerdict>;

/** The limit that all hashes of one process share. */
export function createHashingLimit(): ConcurrencyLimit {
  return createConcurrencyLimit(HASHING);
}

/** Creates the check. An unknown name costs as much time as a known one: it is verified against a dummy hash. */
export async function createCredentialsCheck(
  pool: Pool,
  limited: ConcurrencyLimit,
): Promise<CheckCredentials> {
  const dummyHash = await hashPassword(randomBytes(32).toString('base64'));
  return async ({ username, password }) => {
    const user = await findUser(pool, username);
    const matches = await limited(() => verifyPassword(user?.passwordHash ?? dummyHash, password));
    if (user === undefined || !matches || user.isDisabled) {
      return { accepted: false, known: user !== undefined };
    }
    if (needsRehash(user.passwordHash)) await rehash(user, password);
    return { accepted: true, user };
  };

  async function rehash(user: User, password: string): Promise<void> {
    await renewPasswordHash(pool, user, await limited(() => hashPassword(password)));
  }
}
