/** Connections beside a pool: one that locks what others wait for, and one that counts who waits. */
import { Client, type Pool } from 'pg';
import { afterEach, beforeEach } from 'vitest';

export interface Locker {
  /** Anew for each test. */
  readonly client: Client;
  /** How many wait for a lock. Not from a transaction: that would see one snapshot of the activity. */
  readonly waiting: () => Promise<number | null>;
}

/** Registers the hooks of a test file. @param poolOf Called before each test. */
export function useLocker(poolOf: () => Pool): Locker {
  let [locker, watcher]: Client[] = [];
  beforeEach(async () => {
    const connectionString = String(poolOf().options.connectionString);
    [locker, watcher] = [new Client({ connectionString }), new Client({ connectionString })];
    await Promise.all([locker.connect(), watcher.connect()]);
  });
  afterEach(() => Promise.all([locker?.end(), watcher?.end()]));
  return {
    get client() {
      return locker!;
    },
    waiting: async () => {
      const sql = `SELECT FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return (await watcher!.query(sql)).rowCount;
    },
  };
}
