/**
 * Announces hours whose usage has reached Postgres. Any number of processes may do so.
 *
 * | # | step | if the process dies right after it |
 * |---|---|---|
 * | 1 | hours that have ended are deleted from `flushed_hours` | rolled back |
 * | 2 | their announcements are written to the outbox | rolled back |
 * | 3 | committed | each is relayed, and stored as an event once |
 */
import type { Pool } from 'pg';
import { takeInTurns } from '../messaging/in-turns.ts';
import { NO_ORIGIN, toPublication } from '../messaging/message.ts';
import { writeAllToOutbox } from '../messaging/outbox.ts';
import type { Logger } from '../platform/logger.ts';
import { startWatch, type Watch } from '../platform/watch.ts';
import { announcedEvent } from './events-queues.ts';
import { takeFlushedHours, type FlushedHour } from './flushed-hours-query.ts';

const INTERVAL_MS = 2_000;
const LIMITS = { perTurn: 500, turnsMax: 20 };

interface FlushedHoursDeps {
  readonly pool: Pool;
  readonly prefix: string;
}

/** Starts looking for hours to announce. */
export function startFlushedHours({
  logger,
  ...deps
}: FlushedHoursDeps & { readonly logger: Logger }): Watch<number> {
  return startWatch({
    name: 'flushed hours',
    intervalMs: INTERVAL_MS,
    logger,
    look: () => announceFlushedHours(deps),
  });
}

/** Announces a bounded number of hours. @returns How many rows of `flushed_hours` it took. */
export function announceFlushedHours({ pool, prefix }: FlushedHoursDeps): Promise<number> {
  return takeInTurns(pool, LIMITS, async (client, perTurn) => {
    const { rowCount, hours } = await takeFlushedHours(client, perTurn);
    const nowMs = Date.now();
    const publications = hours.map((hour) =>
      toPublication(toAnnouncement(prefix, hour), NO_ORIGIN, nowMs),
    );
    if (publications.length > 0) await writeAllToOutbox(client, publications);
    return rowCount;
  });
}

function toAnnouncement(prefix: string, { client, tenant, hour, pulseCount }: FlushedHour) {
  const data = { tenant, hour: hour.toISOString(), pulse_count: pulseCount };
  return announcedEvent(prefix, 'usage.hour_flushed', { client, data });
}
