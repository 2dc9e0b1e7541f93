/** What a round of deliveries has left behind in Postgres. */
import type { Pool } from 'pg';

export interface StoredMessage {
  readonly producer: string;
  readonly id: string;
  readonly type: string;
  readonly client: string;
  readonly number: number;
  /** As JSON text. */
  readonly data: string;
}

export interface StoredAttempt {
  readonly atMs: number;
  readonly outcome: string;
  readonly status: number | null;
  readonly error: string | null;
}

export interface StoredDelivery {
  readonly endpoint: string;
  readonly producer: string;
  readonly messageId: string;
  readonly number: number;
  readonly status: string;
  readonly attemptsTotal: number;
  readonly attempts: readonly StoredAttempt[];
}

export interface StoredEndpoint {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
}

export interface DeliveriesLeft {
  readonly messages: readonly StoredMessage[];
  readonly deliveries: readonly StoredDelivery[];
  readonly endpoints: readonly StoredEndpoint[];
  /** The message ids of the dead letters. */
  readonly deadLetters: readonly string[];
  readonly outboxCount: number;
  /** Messages in the queues after all processes have stopped. */
  readonly waitingCount: number;
  /** Connections to where no webhook may go. */
  readonly trappedCount: number;
}

export async function readDeliveriesLeft(admin: Pool) {
  const messages = await admin.query<StoredMessage>(
    `SELECT producer, id, type, client, number::int AS number, data::text AS data FROM messages
     ORDER BY client, number`,
  );
  const deliveries = await admin.query<StoredDelivery>(
    `SELECT endpoint_id AS endpoint, producer, message_id AS "messageId", number::int AS number, status,
       attempts_total AS "attemptsTotal",
       (SELECT coalesce(json_agg(json_build_object('atMs', round(extract(epoch FROM attempted_at) * 1000),
            'outcome', outcome, 'status', status_code, 'error', error) ORDER BY attempt.number), '[]')
          FROM delivery_attempts attempt WHERE delivery_id = delivery.id) AS attempts
     FROM deliveries delivery ORDER BY endpoint_id, number`,
  );
  const endpoints = await admin.query<StoredEndpoint>(
    'SELECT id, status, disabled_reason AS reason FROM endpoints ORDER BY id',
  );
  const jobs = await admin.query('SELECT FROM graphile_worker.jobs');
  return {
    messages: messages.rows,
    deliveries: deliveries.rows,
    endpoints: endpoints.rows,
    outboxCount: jobs.rowCount ?? 0,
  };
}

/** What is still to come; empty if nothing is. Each trap must have been tried. */
export async function countOpen(admin: Pool): Promise<string> {
  const { rows } = await admin.query<Record<string, number>>(
    `SELECT
       (SELECT count(*)::int FROM deliveries delivery JOIN endpoints endpoint ON endpoint.id = endpoint_id
          WHERE delivery.status = 'pending' AND ${IS_SERVED}) AS deliveries,
       (SELECT count(*)::int FROM endpoints endpoint JOIN endpoint_states ON endpoint_id = endpoint.id
          JOIN message_numbers USING (client) WHERE seen_number < last_number AND ${IS_SERVED}) AS unseen,
       (SELECT count(*)::int FROM endpoints endpoint WHERE id LIKE 'trap-%'
          AND NOT EXISTS (SELECT FROM delivery_attempts WHERE endpoint_id = endpoint.id)) AS traps,
       (SELECT count(*)::int FROM graphile_worker.jobs) AS jobs`,
  );
  const open = Object.entries(rows[0] ?? {}).filter(([, count]) => count > 0);
  return open.map(([name, count]) => `${count} ${name}`).join(', ');
}

const IS_SERVED = `endpoint.status = 'enabled' AND endpoint.id NOT LIKE 'trap-%'`;

/** Leases of half a minute end after this time, unless their senders live and extend them every second. */
const LEASE_MS = 2_000;

/** Makes retries due, and the leases of dead senders end soon. */
export async function hasten(admin: Pool): Promise<void> {
  await admin.query(SHORTEN);
  await admin.query(MAKE_DUE);
}

const SHORTEN = `
  WITH held AS (
    SELECT endpoint_id FROM endpoint_states
    WHERE held_until > clock_timestamp() + interval '${LEASE_MS} milliseconds' FOR UPDATE SKIP LOCKED
  )
  UPDATE endpoint_states state SET held_until = clock_timestamp() + interval '${LEASE_MS} milliseconds'
  FROM held WHERE state.endpoint_id = held.endpoint_id`;

const MAKE_DUE = `
  WITH locked AS (
    SELECT endpoint_id FROM endpoint_states WHERE endpoint_id NOT LIKE 'trap-%' FOR UPDATE SKIP LOCKED
  ), due AS (
    UPDATE deliveries delivery SET due_at = clock_timestamp() FROM locked
    WHERE delivery.endpoint_id = locked.endpoint_id AND status = 'pending' AND due_at > clock_timestamp()
    RETURNING delivery.endpoint_id
  )
  UPDATE endpoint_states state SET due_at = clock_timestamp() FROM locked
  WHERE state.endpoint_id = locked.endpoint_id
    AND (state.due_at > clock_timestamp() OR state.endpoint_id IN (SELECT endpoint_id FROM due))`;
