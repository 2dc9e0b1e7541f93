/** What Postgres knows of the status. */
import type { Pool } from 'pg';
import { readEpoch } from '../aggregate/epochs-query.ts';
import { readStoredSettings } from '../aggregate/settings.ts';
import { readDeliveryDepth, type DeliveryDepth } from '../delivery/delivery-metrics.ts';
import {
  readUnservedEndpoints,
  type UnservedEndpoints,
} from '../delivery/unserved-endpoints-query.ts';
import { readUnannouncedSeconds } from '../events/flushed-hours-query.ts';
import type { OpenExports } from '../doctor/check-exports.ts';
import { readDepth } from '../exports/exports-query.ts';
import { readLastFlush } from '../flush/ledger.ts';
import { readPauseState, type PauseState } from '../ingest/pauses-query.ts';
import { readOutboxDepth } from '../messaging/relay-query.ts';
import { createSharedRead } from '../platform/shared-read.ts';
import {
  countOpenDeadLetters,
  type OpenDeadLetters,
} from '../quarantine/open-dead-letters-query.ts';
import { readDueSeconds } from '../subscriptions/subscriptions-query.ts';
import { countWaiting } from '../workflows/workflows-query.ts';
import type { Outbox } from './status.ts';

export interface InPostgres {
  readonly ingest: PauseState;
  readonly epoch: string | undefined;
  readonly storedShards: string | undefined;
  readonly lastFlushAt: Date | null;
  readonly outbox: Outbox;
  readonly deadLetters: readonly OpenDeadLetters[];
  readonly deliveries: DeliveryDepth;
  readonly unserved: UnservedEndpoints;
  readonly changeDueSeconds: number;
  readonly unannouncedSeconds: number;
  readonly workflows: { readonly waiting: number };
  readonly exports: OpenExports;
}

/** Of each reason, and of what waits elsewhere: more need not be counted to see that they are many. */
export const COUNTED_MAX = 10_000;
/** What takes longer to read the more there is, is read less often. */
const KEEP_MS = 5_000;

/** Creates the read. It asks one question after the other, so it needs one connection. */
export function createPostgresRead(pool: Pick<Pool, 'query'>): () => Promise<InPostgres> {
  const readWork = createSharedRead({ read: () => readWaitingWork(pool), keepMs: KEEP_MS });
  return async () => {
    const ingest = await readPauseState(pool);
    const epoch = await readEpoch(pool);
    const storedShards = (await readStoredSettings(pool)).get('shards');
    return { ingest, epoch, storedShards, ...(await readWork()) };
  };
}

async function readWaitingWork(pool: Pick<Pool, 'query'>) {
  const outbox = await readOutboxDepth(pool);
  const { queued, running, oldestSeconds } = await readDepth(pool);
  return {
    lastFlushAt: await readLastFlush(pool),
    outbox: {
      waiting: outbox.dueCount,
      oldestSeconds: Math.round(outbox.oldestSeconds),
      scheduled: outbox.delayedCount,
    },
    exports: { queued, running, oldestSeconds: Math.round(oldestSeconds) },
    deadLetters: await countOpenDeadLetters(pool, COUNTED_MAX),
    deliveries: await readDeliveryDepth(pool, COUNTED_MAX),
    unserved: await readUnservedEndpoints(pool),
    changeDueSeconds: await readDueSeconds(pool),
    unannouncedSeconds: await readUnannouncedSeconds(pool),
    workflows: { waiting: await countWaiting(pool, COUNTED_MAX) },
  };
}
