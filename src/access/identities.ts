/** Looks up the users and keys behind tokens, and caches them for a moment. */
import type { Pool } from 'pg';
import type { Logger } from '../platform/logger.ts';
import { findKey, noteKeyUsed } from './api-keys.ts';
import type { Caller } from '../http/caller.ts';
import { findUser } from './users.ts';

export interface UserIdentity {
  readonly caller: Caller;
  readonly tokenVersion: number;
}

export interface KeyIdentity {
  readonly caller: Caller;
  readonly secretHash: Buffer;
  readonly expiresAtMs: number;
  readonly isRevoked: boolean;
}

export interface Identities {
  /**
   * Undefined: there is no such user, or the user is disabled.
   *
   * @param tokenVersion Of the user's token. A cached user with an earlier version is looked up again: the token was
   * issued after another password was set.
   */
  findUser(username: string, tokenVersion: number): Promise<UserIdentity | undefined>;
  findKey(id: string): Promise<KeyIdentity | undefined>;
  /** Notes the use of a key. Returns at once; writes at most once a minute. */
  noteKeyUsed(id: string): void;
  /** Waits for pending writes. */
  close(): Promise<void>;
}

/**
 * How long a look-up is cached: every process notices a disabled user, a changed role or a revoked key after at most
 * this time.
 */
export const BELIEVED_MS = 2_000;
/** Cached look-ups; names that do not exist are cached too. */
const REMEMBERED_MAX = 10_000;

/** Creates the look-up on the tables users and api_keys. */
export function createIdentities(pool: Pool, logger: Logger): Identities {
  const users = remembering(async (username): Promise<UserIdentity | undefined> => {
    const user = await findUser(pool, username);
    if (user === undefined || user.isDisabled) return undefined;
    const { role, scope: tenants, tokenVersion } = user;
    return { caller: { kind: 'user', name: user.username, role, tenants }, tokenVersion };
  });
  return {
    async findUser(username, tokenVersion) {
      const cached = users.find(username);
      const user = await cached;
      if (user === undefined || user.tokenVersion >= tokenVersion) return user;
      users.forget(username, cached);
      return await users.find(username);
    },
    findKey: remembering(async (id): Promise<KeyIdentity | undefined> => {
      const key = await findKey(pool, id);
      if (key === undefined) return undefined;
      const { role, scope: tenants, secretHash, expiresAt, revokedAt } = key;
      return {
        caller: { kind: 'key', name: id, role, tenants, expiresAtMs: expiresAt.getTime() },
        secretHash,
        expiresAtMs: expiresAt.getTime(),
        isRevoked: revokedAt !== null,
      };
    }).find,
    ...usageNotes(pool, logger),
  };
}

const USED_NOTE_MS = 60_000;

/** Not awaited by the request, which would wait for the row that other requests with the key are writing. */
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
          logger.warn({ err: error, key: id }, 'cannot note the use of a key');
        })
        .finally(() => writing.delete(write));
      writing.add(write);
    },
    async close() {
      await Promise.all(writing);
    },
  };
}

/** Calls with the same name share one look-up. A failed one is not cached. */
function remembering<Found>(find: (name: string) => Promise<Found>) {
  const known = new Map<string, { found: Promise<Found>; untilMs: number }>();
  const recall = (name: string): Promise<Found> => {
    const remembered = known.get(name);
    if (remembered !== undefined && performance.now() < remembered.untilMs) return remembered.found;
    const found = find(name);
    // Evicts the oldest; a renewed entry becomes the newest.
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
  return {
    find: recall,
    /** Forgets a look-up, unless a newer one has replaced it. */
    forget(name: string, found: Promise<Found>): void {
      if (known.get(name)?.found === found) known.delete(name);
    },
  };
}
