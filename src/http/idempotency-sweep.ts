/** Deletes expired idempotency keys, every minute while the API runs. */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { connectionsOf, type ScopedPool } from '../platform/scoped-postgres.ts';
import type { Api } from './api-module.ts';
import { IS_OVER } from './idempotency-keys.ts';

const EVERY_MS = 60_000;
const EXPIRED_PER_STATEMENT = 1_000;

export function addKeySweep(api: Api, pool: ScopedPool): void {
  let timer: NodeJS.Timeout | undefined;
  let sweeping = Promise.resolve();
  const sweep = async (): Promise<void> => {
    try {
      const count = await deleteExpiredKeys(connectionsOf(pool, 'all'));
      if (count > 0) api.log.debug({ count }, 'expired idempotency keys deleted');
    } catch (error) {
      api.log.warn({ err: error }, 'cannot delete expired idempotency keys');
    }
  };
  api.addHook('onReady', (done) => {
    timer = setInterval(() => {
      sweeping = sweeping.then(sweep);
    }, EVERY_MS).unref();
    done();
  });
  api.addHook('onClose', async () => {
    clearInterval(timer);
    await sweeping;
  });
}

/** Deletes expired keys, some at a time. @returns How many. */
export async function deleteExpiredKeys(pool: Pick<Pool, 'connect'>): Promise<number> {
  let count = 0;
  for (;;) {
    const { rowCount } = await withTransaction(pool, (client) => client.query(DELETE_EXPIRED));
    count += rowCount ?? 0;
    if ((rowCount ?? 0) < EXPIRED_PER_STATEMENT) return count;
  }
}

const DELETE_EXPIRED = `
  DELETE FROM idempotency_keys WHERE (caller, key) IN (
    SELECT caller, key FROM idempotency_keys AS stored
    WHERE ${IS_OVER} ORDER BY created_at LIMIT ${EXPIRED_PER_STATEMENT} FOR UPDATE SKIP LOCKED)`;
