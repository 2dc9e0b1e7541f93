/** Puts pending changes into effect within a second of their time. Any number of processes may do so. */
import type { Pool } from 'pg';
import type { Logger } from '../platform/logger.ts';
import { withTransaction } from '../platform/postgres.ts';
import { startWatch, type Watch } from '../platform/watch.ts';
import { NO_ORIGIN, toPublication, type OutgoingMessage } from '../messaging/message.ts';
import { writeAllToOutbox } from '../messaging/outbox.ts';
import { applyDueChanges } from './change-subscription.ts';

const INTERVAL_MS = 400;
/** Many changes fall on the same midnight, and a transaction for each would take as many flushes of the disk. */
const AT_A_TIME = 500;
/** In one look, so that it ends. */
const TRANSACTIONS_MAX = 10;

/** Starts looking for what is due. */
export function startDueChanges({
  pool,
  prefix,
  logger,
}: {
  readonly pool: Pool;
  readonly prefix: string;
  readonly logger: Logger;
}): Watch<number> {
  return startWatch({
    name: 'pending changes of subscriptions',
    intervalMs: INTERVAL_MS,
    logger,
    async look() {
      let count = 0;
      for (let turn = 0; turn < TRANSACTIONS_MAX; turn++) {
        const taken = await applySome(pool, prefix);
        count += taken;
        if (taken < AT_A_TIME) break;
      }
      return count;
    },
  });
}

async function applySome(pool: Pool, prefix: string): Promise<number> {
  return withTransaction(pool, async (client) => {
    const publications: ReturnType<typeof toPublication>[] = [];
    const publish = (message: OutgoingMessage): Promise<void> => {
      publications.push(toPublication(message, NO_ORIGIN, Date.now()));
      return Promise.resolve();
    };
    const count = await applyDueChanges({ client, prefix, publish }, AT_A_TIME);
    if (publications.length > 0) await writeAllToOutbox(client, publications);
    return count;
  });
}
