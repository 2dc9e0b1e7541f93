/** Looks up the users and keys behind tokens, and caches them for a moment. */
import type { Pool } from 'pg';
import { addressGroup } from '../core/address-group.ts';
import type { Logger } from '../platform/logger.ts';
import { atTurnOf } from '../platform/scoped-postgres.ts';
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
   * issued after another password was set. Only whoever has a token signed by Pulse gets here, so it waits for nobody.
   */
  findUser(username: string, tokenVersion: number): Promise<UserIdentity | undefined>;
  /**
   * An id that this process has not found before may be invented, so its look-up takes turns with those from other
   * addresses.
   *
   * @param address Of the caller.
   * @throws TransientError PULSE_POSTGRES_BUSY Too many look-ups from there wait.
   */
  findKey(id: string, address: string): Promise<KeyIdentity | undefined>;
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
    findKey: keyLookUp(pool),
    ...usageNotes(pool, logger),
  };
}

function keyLookUp(pool: Pool): Identities['findKey'] {
  /** Ids that exist. They are as many as the keys, however many ids strangers invent. */
  const existing = new Set<string>();
  const waiting = new Map<string, Promise<KeyIdentity | undefined>>();
  const keys = remembering(async (id): Promise<KeyIdentity | undefined> => {
    const key = await findKey(pool, id);
    if (key === undefined) return undefined;
    existing.add(id);
    const { role, scope: tenants, secretHash, expiresAt, revokedAt } = key;
    return {
      caller: { kind: 'key', name: id, role, tenants, expiresAtMs: expiresAt.getTime() },
      secretHash,
      expiresAtMs: expiresAt.getTime(),
      isRevoked: revokedAt !== null,
    };
  });
  return async (id, address) => {
    if (existing.has(id) || keys.isKnown(id)) return await keys.find(id);
    const share = addressGroup(address);
    // Not one for all addresses: its turn would be that of the first to ask, who may be a stranger.
    const name = `${share} ${id}`;
    const asked =
      waiting.get(name) ??
      atTurnOf(pool, { share, isKnown: false }, () => keys.find(id)).finally(() =>
        waiting.delete(name),
      );
    waiting.set(name, asked);
    return await asked;
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
  const fresh = (name: string): Promise<Found> | undefined => {
    const remembered = known.get(name);
    return remembered && performance.now() < remembered.untilMs ? remembered.found : undefined;
  };
  const recall = (name: string): Promise<Found> => {
    const remembered = fresh(name);
    if (remembered !== undefined) return remembered;
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
    /** Whether finding it costs nothing now. */
    isKnown: (name: string): boolean => fresh(name) !== undefined,
    /** Forgets a look-up, unless a newer one has replaced it. */
    forget(name: string, found: Promise<Found>): void {
      if (known.get(name)?.found === found) known.delete(name);
    },
  };
}
