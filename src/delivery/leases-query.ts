/** Which sender serves an endpoint, and up to which message it has looked. */
import type { ClientBase, Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { PAUSE_MS_MAX } from './delivery.ts';

type Queryable = Pick<ClientBase, 'query'>;

/** A sender that dies leaves its endpoints to others after so long. */
const LEASE_SECONDS = 30;

/** Which endpoints a sender takes. */
export interface EndpointClaim {
  readonly lease: string;
  readonly limit: number;
  /** Of one client at a time. */
  readonly perClientMax: number;
  /** Whether those that fail are taken, or the others. */
  readonly setAside: boolean;
  readonly setAsideAfter: number;
  /** Clients of whose endpoints this process serves enough. */
  readonly busyClients: readonly string[];
}

/**
 * Takes endpoints that have something to do and that nobody serves: a delivery is due, or there are new messages. One
 * that is set aside is served for new messages once its longest pause is over, however late its retries are due.
 *
 * Whoever has waited longest comes first. New messages count from when the endpoint was served last, so one that always
 * has some comes behind all who have waited since then.
 *
 * @returns Their ids and clients.
 */
export async function claimEndpoints(
  client: Queryable,
  claim: EndpointClaim,
): Promise<{ readonly id: string; readonly client: string }[]> {
  const { rows } = await client.query<{ id: string; client: string }>(
    `WITH waiting AS (
       SELECT state.endpoint_id, endpoint.client, wait.since,
         row_number() OVER (PARTITION BY endpoint.client ORDER BY wait.since) AS rank
       FROM endpoint_states state
       JOIN endpoints endpoint ON endpoint.id = state.endpoint_id
       LEFT JOIN message_numbers known ON known.client = endpoint.client
       CROSS JOIN LATERAL (
         SELECT least(CASE WHEN state.due_at <= clock_timestamp() THEN state.due_at END,
           CASE WHEN known.last_number > state.seen_number AND (state.failures_in_row < $4 OR ${IS_PAUSE_OVER})
             THEN coalesce(state.held_until, '-infinity') END) AS since
       ) AS wait
       WHERE endpoint.status = 'enabled' AND ${IS_FREE} AND (state.failures_in_row >= $4) = $5
         AND wait.since IS NOT NULL AND endpoint.client <> ALL($6)
     ), locked AS (
       SELECT state.endpoint_id, waiting.client FROM endpoint_states state JOIN waiting USING (endpoint_id)
       WHERE waiting.rank <= $3 AND ${IS_FREE} ORDER BY waiting.since LIMIT $2 FOR UPDATE OF state SKIP LOCKED
     )
     UPDATE endpoint_states SET held_by = $1, held_until = ${LEASE_END}
     FROM locked WHERE endpoint_states.endpoint_id = locked.endpoint_id
     RETURNING locked.endpoint_id AS id, locked.client`,
    [
      claim.lease,
      claim.limit,
      claim.perClientMax,
      claim.setAsideAfter,
      claim.setAside,
      claim.busyClients,
    ],
  );
  return rows;
}

/** `held_until` of an endpoint that nobody holds says when it was served last. */
export const IS_FREE = '(state.held_until IS NULL OR state.held_until < clock_timestamp())';
/** Of an endpoint that is set aside. Without retries, its pause is in `due_at` until it is over. */
const IS_PAUSE_OVER = `(state.due_at IS NULL OR state.held_until IS NULL
  OR state.held_until < clock_timestamp() - interval '${PAUSE_MS_MAX} milliseconds')`;
const LEASE_END = `clock_timestamp() + interval '${LEASE_SECONDS} seconds'`;

/** An endpoint that a sender holds. */
export interface Lease {
  readonly endpointId: string;
  readonly lease: string;
}

/** @returns False if somebody else has taken the endpoint. */
export async function extendLease(
  client: Queryable,
  { endpointId, lease }: Lease,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE endpoint_states SET held_until = ${LEASE_END} WHERE endpoint_id = $1 AND held_by = $2`,
    [endpointId, lease],
  );
  return rowCount === 1;
}

/** Leaves an endpoint until its next delivery is due, or until a pause is over if that is later. */
export async function releaseEndpoint(
  pool: Pick<Pool, 'connect'>,
  { endpointId, lease }: Lease,
  { pauseMs, isFifo }: { readonly pauseMs: number; readonly isFifo: boolean },
): Promise<void> {
  const pending = `FROM deliveries WHERE endpoint_id = $1 AND status = 'pending'`;
  const nextDue = isFifo
    ? `(SELECT due_at ${pending} ORDER BY number LIMIT 1)`
    : `(SELECT min(due_at) ${pending})`;
  await withTransaction(pool, async (client) => {
    // An UPDATE that waited for the lock would not see the deliveries that its holder has made due.
    await lockSeenNumbers(client, { endpointId, lease });
    await client.query(
      `UPDATE endpoint_states SET held_by = NULL, held_until = clock_timestamp(),
         due_at = CASE WHEN $3 = 0 THEN ${nextDue}
           ELSE greatest(${nextDue}, clock_timestamp() + $3 * interval '1 millisecond') END
       WHERE endpoint_id = $1 AND held_by = $2`,
      [endpointId, lease, pauseMs],
    );
  });
}

export interface SeenNumbers {
  /** Up to which number the sender has looked. */
  readonly seen: string;
  /** The client's last number. All messages up to it are committed, or gone: nobody else gets a number before. */
  readonly newest: string;
}

/** Locks what a sender holds. @returns Undefined when it holds it no more. */
export async function lockSeenNumbers(
  client: Queryable,
  { endpointId, lease }: Lease,
): Promise<SeenNumbers | undefined> {
  const { rows } = await client.query<SeenNumbers>(
    `SELECT seen_number AS seen, greatest(seen_number, (SELECT last_number FROM message_numbers
       WHERE client = (SELECT client FROM endpoints WHERE id = $1))) AS newest
     FROM endpoint_states WHERE endpoint_id = $1 AND held_by = $2 FOR UPDATE`,
    [endpointId, lease],
  );
  return rows[0];
}

/** The endpoint is due from now on, so that another sender takes it up if this one dies. */
export async function updateSeenNumber(
  client: Queryable,
  endpointId: string,
  seen: string,
): Promise<void> {
  await client.query(
    `UPDATE endpoint_states SET seen_number = $2, due_at = least(due_at, clock_timestamp())
     WHERE endpoint_id = $1`,
    [endpointId, seen],
  );
}
