/** Puts pending changes into effect within a second of their time. Any number of processes may do so. */
import type { Pool } from 'pg';
import { toError } from '../core/errors.ts';
import type { Logger } from '../platform/logger.ts';
import { withTransaction } from '../platform/postgres.ts';
import { startWatch, type Watch } from '../platform/watch.ts';
import { toPublication } from '../messaging/message.ts';
import { writeToOutbox } from '../messaging/outbox.ts';
import { applyDueChanges } from './change-subscription.ts';
import { findDue } from './subscriptions-query.ts';

const INTERVAL_MS = 400;
const AT_A_TIME = 500;

/** Starts looking for what is due. Each subscription is a transaction, so one that fails holds up no other. */
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
      const ids = await findDue(pool, AT_A_TIME);
      let failure: unknown;
      for (const id of ids) {
        await applyDue(pool, prefix, id).catch((error: unknown) => {
          failure = error;
        });
      }
      if (failure !== undefined) throw toError(failure);
      return ids.length;
    },
  });
}

async function applyDue(pool: Pool, prefix: string, id: string): Promise<void> {
  const origin = { correlationId: undefined, traceparent: undefined };
  await withTransaction(pool, (client) =>
    applyDueChanges(
      {
        client,
        prefix,
        publish: (message) => writeToOutbox(client, toPublication(message, origin, Date.now())),
      },
      id,
    ),
  );
}
