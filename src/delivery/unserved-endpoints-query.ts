/** What waits at endpoints that no sender serves. */
import type { Pool } from 'pg';
import { firstStoredAfter } from '../events/messages-query.ts';
import { onlyRow } from '../platform/postgres.ts';
import { SET_ASIDE_AFTER } from './delivery.ts';
import { IS_FREE } from './leases-query.ts';

export interface UnservedEndpoints {
  /** Enabled endpoints with something to do, without those that are set aside. */
  readonly endpointCount: number;
  /** For how long the first delivery or new message of one of them has waited; 0 when there is none. */
  readonly oldestSeconds: number;
}

/** Those that a sender would claim. New messages have no deliveries before one does. */
export async function readUnservedEndpoints(pool: Pick<Pool, 'query'>): Promise<UnservedEndpoints> {
  const { rows } = await pool.query<UnservedEndpoints>(
    `SELECT count(since)::int AS "endpointCount",
       coalesce(extract(epoch FROM clock_timestamp() - min(since)), 0)::float8 AS "oldestSeconds"
     FROM (
       SELECT least(CASE WHEN state.due_at <= clock_timestamp() THEN state.due_at END,
         CASE WHEN known.last_number > state.seen_number
           THEN ${firstStoredAfter('endpoint.client', 'state.seen_number')} END) AS since
       FROM endpoint_states state
       JOIN endpoints endpoint ON endpoint.id = state.endpoint_id
       LEFT JOIN message_numbers known ON known.client = endpoint.client
       WHERE endpoint.status = 'enabled' AND ${IS_FREE} AND state.failures_in_row < $1
     ) AS waiting`,
    [SET_ASIDE_AFTER],
  );
  return onlyRow(rows);
}
