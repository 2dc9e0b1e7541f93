/** What senders do with deliveries, attempts and the state of endpoints. deliveries-query.ts has what people ask. */
import type { ClientBase, Pool } from 'pg';
import type { MessageHead } from '../events/events.ts';
import { withTransaction } from '../platform/postgres.ts';
import type { FailureState } from './delivery.ts';

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
 * Takes endpoints that have something to do and that nobody serves, the longest due first.
 *
 * @returns Their ids and clients.
 */
export async function claimEndpoints(
  client: Queryable,
  claim: EndpointClaim,
): Promise<{ readonly id: string; readonly client: string }[]> {
  const { rows } = await client.query<{ id: string; client: string }>(
    `WITH waiting AS (
       SELECT state.endpoint_id, endpoint.client, coalesce(state.due_at, '-infinity') AS due_at,
         row_number() OVER (PARTITION BY endpoint.client ORDER BY coalesce(state.due_at, '-infinity')) AS rank
       FROM endpoint_states state
       JOIN endpoints endpoint ON endpoint.id = state.endpoint_id
       LEFT JOIN message_numbers known ON known.client = endpoint.client
       WHERE endpoint.status = 'enabled' AND ${IS_FREE} AND (state.failures_in_row >= $4) = $5
         AND (state.due_at <= clock_timestamp()
           OR known.last_number > state.seen_number AND (state.failures_in_row < $4 OR state.due_at IS NULL))
         AND endpoint.client <> ALL($6)
     ), locked AS (
       SELECT state.endpoint_id, waiting.client FROM endpoint_states state JOIN waiting USING (endpoint_id)
       WHERE waiting.rank <= $3 AND ${IS_FREE} ORDER BY waiting.due_at LIMIT $2 FOR UPDATE OF state SKIP LOCKED
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

export const IS_FREE = '(state.held_until IS NULL OR state.held_until < clock_timestamp())';
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
    await lockSeenNumber(client, { endpointId, lease });
    await client.query(
      `UPDATE endpoint_states SET held_by = NULL, held_until = NULL,
         due_at = CASE WHEN $3 = 0 THEN ${nextDue}
           ELSE greatest(${nextDue}, clock_timestamp() + $3 * interval '1 millisecond') END
       WHERE endpoint_id = $1 AND held_by = $2`,
      [endpointId, lease, pauseMs],
    );
  });
}

/** Locks what a sender holds. @returns The number that it has looked at; undefined when it holds it no more. */
export async function lockSeenNumber(
  client: Queryable,
  { endpointId, lease }: Lease,
): Promise<string | undefined> {
  const { rows } = await client.query<{ seen: string }>(
    `SELECT seen_number AS seen FROM endpoint_states WHERE endpoint_id = $1 AND held_by = $2 FOR UPDATE`,
    [endpointId, lease],
  );
  return rows[0]?.seen;
}

/** The endpoint is due from now on, so that another sender takes it up if this one dies. */
export async function updateSeenNumber(
  client: Queryable,
  endpointId: string,
  seen: string,
): Promise<void> {
  await client.query(
    `UPDATE endpoint_states SET seen_number = $2, due_at = coalesce(due_at, clock_timestamp())
     WHERE endpoint_id = $1`,
    [endpointId, seen],
  );
}

/** Inserts a delivery for each message, due at once. */
export async function insertDeliveries(
  client: Queryable,
  endpointId: string,
  messages: readonly MessageHead[],
): Promise<void> {
  await client.query(
    `INSERT INTO deliveries (id, endpoint_id, client, producer, message_id, message_stored_at, number, type, due_at,
       created_at)
     SELECT gen_random_uuid(), $1, message.client, message.producer, message.id, message.stored_at, message.number,
       message.type, clock_timestamp(), date_trunc('milliseconds', clock_timestamp())
     FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::timestamptz[])
       AS message (client, producer, id, number, type, stored_at)`,
    [
      endpointId,
      messages.map((message) => message.client),
      messages.map(({ producer }) => producer),
      messages.map(({ id }) => id),
      messages.map(({ number }) => number),
      messages.map(({ type }) => type),
      messages.map(({ storedAt }) => storedAt),
    ],
  );
}

/** A delivery that is to be sent. */
export interface DueDelivery {
  readonly id: string;
  readonly createdAt: Date;
  readonly producer: string;
  readonly messageId: string;
  readonly messageStoredAt: Date;
  /** Before this one, since it was created or last sent again on request. */
  readonly attemptCount: number;
  readonly isDue: boolean;
}

/**
 * What is due at an endpoint. For an endpoint in order, the pending delivery with the lowest number alone, due or not.
 *
 * @param excluded The ids of those in progress.
 */
export async function readDueDeliveries(
  client: Queryable,
  endpointId: string,
  {
    limit,
    isFifo,
    excluded,
  }: { readonly limit: number; readonly isFifo: boolean; readonly excluded: readonly string[] },
): Promise<DueDelivery[]> {
  const { rows } = await client.query<DueDelivery>(
    `SELECT id, created_at AS "createdAt", producer, message_id AS "messageId",
       message_stored_at AS "messageStoredAt", attempt_count AS "attemptCount", due_at <= clock_timestamp() AS "isDue"
     FROM deliveries WHERE endpoint_id = $1 AND status = 'pending' AND id <> ALL($2::uuid[])
       ${isFifo ? 'ORDER BY number LIMIT 1' : 'AND due_at <= clock_timestamp() ORDER BY due_at, number LIMIT $3'}`,
    isFifo ? [endpointId, excluded] : [endpointId, excluded, limit],
  );
  return rows;
}

/** An attempt, and what it means for its delivery. */
export interface AttemptRecord {
  readonly deliveryId: string;
  readonly createdAt: Date;
  readonly attemptedAt: Date;
  readonly outcome: 'delivered' | 'failed';
  readonly statusCode: number | null;
  readonly durationMs: number;
  readonly error: string | null;
  readonly response: string | null;
  /** Of a failure: when it is tried again; null: no more. */
  readonly dueAt: Date | null;
  /** Of its delivery when it was sent: it is another one when somebody has asked for it again meanwhile. */
  readonly attemptCount: number;
}

/**
 * Writes attempts down and moves their deliveries on. One that was delivered by another process stays delivered, and one
 * that was closed in the meantime stays closed.
 */
export async function insertAttempts(
  client: Queryable,
  endpointId: string,
  records: readonly AttemptRecord[],
): Promise<void> {
  await client.query(
    `WITH attempt AS (
       SELECT * FROM unnest($2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::integer[], $7::integer[],
         $8::text[], $9::text[], $10::timestamptz[], $11::integer[])
         AS attempt (delivery_id, created_at, attempted_at, outcome, status_code, duration_ms, error, response, due_at,
           attempt_count)
     ), moved AS (
       UPDATE deliveries SET attempts_total = attempts_total + 1,
         attempt_count = CASE WHEN ${IS_AS_IT_WAS} THEN deliveries.attempt_count + 1 ELSE deliveries.attempt_count END,
         status = CASE WHEN deliveries.status = 'delivered' OR attempt.outcome = 'delivered' THEN 'delivered'
           WHEN ${IS_AS_IT_WAS} AND attempt.due_at IS NULL THEN 'failed' ELSE deliveries.status END,
         due_at = CASE WHEN deliveries.status <> 'pending' OR attempt.outcome = 'delivered' THEN NULL
           WHEN ${IS_AS_IT_WAS} THEN attempt.due_at ELSE deliveries.due_at END,
         last_status_code = attempt.status_code, last_error = attempt.error, updated_at = clock_timestamp()
       FROM attempt WHERE deliveries.id = attempt.delivery_id AND deliveries.created_at = attempt.created_at
       RETURNING deliveries.id, deliveries.attempts_total AS number
     )
     INSERT INTO delivery_attempts (delivery_id, number, endpoint_id, attempted_at, outcome, status_code, duration_ms,
       error, response)
     SELECT id, number, $1, attempted_at, outcome, status_code, duration_ms, error, response
     FROM attempt JOIN moved ON moved.id = attempt.delivery_id`,
    [
      endpointId,
      records.map(({ deliveryId }) => deliveryId),
      records.map(({ createdAt }) => createdAt),
      records.map(({ attemptedAt }) => attemptedAt),
      records.map(({ outcome }) => outcome),
      records.map(({ statusCode }) => statusCode),
      records.map(({ durationMs }) => durationMs),
      records.map(({ error }) => error),
      records.map(({ response }) => response),
      records.map(({ dueAt }) => dueAt),
      records.map(({ attemptCount }) => attemptCount),
    ],
  );
}

const IS_AS_IT_WAS = 'deliveries.attempt_count = attempt.attempt_count';

/** What is known of the failures of an endpoint now. */
export async function readFailureState(
  client: Queryable,
  endpointId: string,
): Promise<FailureState> {
  const { rows } = await client.query<FailureState>(
    `SELECT failing_since AS "failingSince", failures_in_row AS "failuresInRow" FROM endpoint_states
     WHERE endpoint_id = $1`,
    [endpointId],
  );
  return rows[0] ?? { failingSince: null, failuresInRow: 0 };
}

/** What the attempts of an endpoint have led to. */
export async function updateFailureState(
  client: Queryable,
  endpointId: string,
  {
    state: { failingSince, failuresInRow },
    lastAttemptAt,
    lastSuccessAt,
  }: {
    readonly state: FailureState;
    readonly lastAttemptAt: Date;
    readonly lastSuccessAt: Date | null;
  },
): Promise<void> {
  await client.query(
    `UPDATE endpoint_states SET failing_since = $2, failures_in_row = $3, last_attempt_at = $4,
       last_success_at = coalesce($5, last_success_at)
     WHERE endpoint_id = $1`,
    [endpointId, failingSince, failuresInRow, lastAttemptAt, lastSuccessAt],
  );
}

/** The partitions of this month and the next, and of yesterday: the clock of a sender may be late. */
export async function ensureDeliveryPartitions(pool: Pick<Pool, 'query'>): Promise<void> {
  await pool.query(
    `SELECT ensure_month_partitions(parent, now() - interval '1 day', now() + interval '1 month')
     FROM unnest(ARRAY['deliveries', 'delivery_attempts']) AS parent`,
  );
}
