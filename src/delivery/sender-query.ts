/**
 * What senders do with deliveries, attempts and the failures of endpoints. leases-query.ts has who serves an endpoint,
 * deliveries-query.ts what people ask.
 */
import type { ClientBase, Pool } from 'pg';
import type { MessageHead } from '../events/events.ts';
import type { FailureState } from './delivery.ts';

type Queryable = Pick<ClientBase, 'query'>;

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
