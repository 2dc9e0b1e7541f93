/** What each caller's idempotency keys take, remembered for a moment: counting them for every request would be slow. */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';

export interface KeyUsage {
  keyCount: number;
  /** Of stored answers. */
  bytes: number;
}

/** The same caller may exceed a limit by what it adds in this time through other processes. */
const REMEMBERED_MS = 60_000;
const CALLERS_MAX = 1_000;

const USAGE = `
  SELECT count(*)::int AS "keyCount", coalesce(sum(octet_length(answer)), 0)::int AS bytes
  FROM idempotency_keys WHERE caller = $1`;

export type KeyUsages = ReturnType<typeof createKeyUsage>;

export function createKeyUsage() {
  const known = new Map<string, { usage: Promise<KeyUsage>; untilMs: number }>();
  return {
    /**
     * One count at a time for a caller, whose other requests wait for it.
     *
     * @throws TransientError Postgres is unavailable or too busy.
     */
    of(pool: Pick<Pool, 'connect'>, caller: string): Promise<KeyUsage> {
      const remembered = known.get(caller);
      if (remembered !== undefined && performance.now() < remembered.untilMs) {
        return remembered.usage;
      }
      known.delete(caller);
      if (known.size >= CALLERS_MAX) {
        const [oldest = caller] = known.keys();
        known.delete(oldest);
      }
      const usage = count(pool, caller);
      const entry = { usage, untilMs: performance.now() + REMEMBERED_MS };
      known.set(caller, entry);
      usage.catch(() => {
        if (known.get(caller) === entry) known.delete(caller);
      });
      return usage;
    },

    /** Notes what this process has added since. */
    add(caller: string, { keyCount, bytes }: KeyUsage): void {
      const add = (usage: KeyUsage): void => {
        usage.keyCount += keyCount;
        usage.bytes += bytes;
      };
      // A count that fails is not kept.
      known.get(caller)?.usage.then(add, () => undefined);
    },
  };
}

async function count(pool: Pick<Pool, 'connect'>, caller: string): Promise<KeyUsage> {
  const { rows } = await withTransaction(pool, (client) => client.query<KeyUsage>(USAGE, [caller]));
  return rows[0] ?? { keyCount: 0, bytes: 0 };
}
