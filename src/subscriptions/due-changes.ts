/** Puts pending changes into effect within a second of their time. Any number of processes may do so. */
import type { Pool, PoolClient } from 'pg';
import type { Logger } from '../platform/logger.ts';
import { startWatch, type Watch } from '../platform/watch.ts';
import { takeInTurns } from '../messaging/in-turns.ts';
import { NO_ORIGIN, toPublication, type OutgoingMessage } from '../messaging/message.ts';
import { writeAllToOutbox } from '../messaging/outbox.ts';
import { applyDueChanges } from './change-subscription.ts';

const INTERVAL_MS = 400;
/** Many changes fall on the same midnight, and a transaction for each would take as many flushes of the disk. */
const LIMITS = { perTurn: 500, turnsMax: 10 };

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
    look: () => takeInTurns(pool, LIMITS, (client, perTurn) => applySome(client, prefix, perTurn)),
  });
}

async function applySome(client: PoolClient, prefix: string, countMax: number): Promise<number> {
  const publications: ReturnType<typeof toPublication>[] = [];
  const publish = (message: OutgoingMessage): Promise<void> => {
    publications.push(toPublication(message, NO_ORIGIN, Date.now()));
    return Promise.resolve();
  };
  const count = await applyDueChanges({ client, prefix, publish }, countMax);
  if (publications.length > 0) await writeAllToOutbox(client, publications);
  return count;
}
