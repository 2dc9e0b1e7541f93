/** Who tokens and keys stand for, as it is now, remembered for a moment. */
import type { Pool } from 'pg';
import type { Logger } from '../platform/logger.ts';
import { findKey, noteKeyUsed } from './api-keys.ts';
import type { Caller } from '../http/caller.ts';
import { findUser } from './users.ts';

/** A user whom a token may stand for. */
export interface UserIdentity {
  readonly caller: Caller;
  readonly tokenVersion: number;
}

/** A machine that a key may stand for. */
export interface KeyIdentity {
  readonly caller: Caller;
  readonly secretHash: Buffer;
  readonly expiresAtMs: number;
  readonly isRevoked: boolean;
}

/** Where authentication looks callers up. */
export interface Identities {
  /** Undefined: there is no such user, or not any more. */
  findUser(username: string): Promise<UserIdentity | undefined>;
  findKey(id: string): Promise<KeyIdentity | undefined>;
  /** Notes that a key let somebody in. Returns at once; written once a minute at most. */
  noteKeyUsed(id: string): void;
  /** Ends what is being written. */
  close(): Promise<void>;
}

/**
 * How long a look-up is believed: a user who is disabled, a role that is changed and a key that is revoked are
 * noticed after this time at the latest, by every process.
 */
export const BELIEVED_MS = 2_000;
/** Look-ups remembered; what is not there is remembered as well. */
const REMEMBERED_MAX = 10_000;

/** Creates the look-up on the tables. */
export function createIdentities(pool: Pool, logger: Logger): Identities {
  return {
    findUser: remembering(async (username) => {
      const user = await findUser(pool, username);
      if (user === undefined || user.isDisabled) return undefined;
      const { role, scope: tenants, tokenVersion } = user;
      return { caller: { kind: 'user', name: user.username, role, tenants }, tokenVersion };
    }),
    findKey: remembering(async (id) => {
      const key = await findKey(pool, id);
      if (key === undefined) return undefined;
      const { role, scope: tenants, secretHash, expiresAt, revokedAt } = key;
      return {
        caller: { kind: 'key', name: id, role, tenants },
        secretHash,
        expiresAtMs: expiresAt.getTime(),
        isRevoked: revokedAt !== null,
      };
    }),
    ...usageNotes(pool, logger),
  };
}

const USED_NOTE_MS = 60_000;

/** Off the request's path: a key must not wait for a row that other requests of it are writing. */
function usageNotes(pool: Pool, logger: Logger): Pick<Identities, 'noteKeyUsed' | 'close'> {
  const notedMs = new Map<string, number>();
  const writing = new Set<Promise<void>>();
  return {
    noteKeyUsed(id) {
      const nowMs = performance.now();
      if (nowMs - (notedMs.get(id) ?? -Infinity) < USED_NOTE_MS) return;
      notedMs.set(id, nowMs);
      const write = noteKeyUsed(pool, id)
        .catch((error: unknown) => {
          notedMs.delete(id);
          logger.warn({ err: error, key: id }, 'the use of a key could not be noted');
        })
        .finally(() => writing.delete(write));
      writing.add(write);
    },
    async close() {
      await Promise.all(writing);
    },
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
