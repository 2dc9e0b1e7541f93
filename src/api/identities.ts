/** Who tokens stand for, as it is now, remembered for a moment. */
import type { Pool } from 'pg';
import type { Caller } from './caller.ts';
import { findUser } from './users.ts';

/** A user whom a token may stand for. */
export interface UserIdentity {
  readonly caller: Caller;
  readonly tokenVersion: number;
}

/** Where authentication looks callers up. */
export interface Identities {
  /** Undefined: there is no such user, or not any more. */
  findUser(username: string): Promise<UserIdentity | undefined>;
}

/**
 * How long a look-up is believed: a user who is disabled, and a role that is changed, are noticed after this
 * time at the latest, by every process.
 */
export const BELIEVED_MS = 2_000;
/** Look-ups remembered; what is not there is remembered as well. */
const REMEMBERED_MAX = 10_000;

/** Creates the look-up on the tables. */
export function createIdentities(pool: Pool): Identities {
  return {
    findUser: remembering(async (username) => {
      const user = await findUser(pool, username);
      if (user === undefined || user.isDisabled) return undefined;
      const { role, scope: tenants, tokenVersion } = user;
      return { caller: { kind: 'user', name: user.username, role, tenants }, tokenVersion };
    }),
  };
}

/** Callers of the same name share one look-up. One that failed is not remembered. */
function remembering<Found>(find: (name: string) => Promise<Found>) {
  const known = new Map<string, { found: Promise<Found>; untilMs: number }>();
  return (name: string): Promise<Found> => {
    const remembered = known.get(name);
    if (remembered !== undefined && performance.now() < remembered.untilMs) return remembered.found;
    const found = find(name);
    // The oldest goes first, and a renewed one becomes the newest.
    known.delete(name);
    if (known.size >= REMEMBERED_MAX) {
      const [oldest = name] = known.keys();
      known.delete(oldest);
    }
    const entry = { found, untilMs: performance.now() + BELIEVED_MS };
    known.set(name, entry);
    found.catch(() => {
      if (known.get(name) === entry) known.delete(name);
    });
    return found;
  };
}
