/** Deliveries and their attempts, as people ask for them: listed, sent again, recovered. */
import type { ClientBase } from 'pg';
import { pageOfCustomers } from '../catalog/catalog.ts';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import type { Attempt, Delivery, DeliveryStatus } from './delivery.ts';

type Queryable = Pick<ClientBase, 'query'>;

const DELIVERY = `
  id, endpoint_id AS "endpointId", client, producer, message_id AS "messageId", number, type, status,
  attempts_total AS "attemptsTotal", due_at AS "dueAt", last_status_code AS "lastStatusCode", last_error AS "lastError",
  created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Which deliveries; what is undefined does not restrict. */
export interface DeliveryFilters {
  readonly scope: TenantScope;
  readonly client?: string | undefined;
  readonly endpointId?: string | undefined;
  readonly status?: DeliveryStatus | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

export type DeliveryCursor = Pick<Delivery, 'createdAt' | 'id'>;

/** Newest first. @param page `after` is the last row of the page before. */
export async function listDeliveries(
  client: Queryable,
  { scope, client: owner, endpointId, status, from, to }: DeliveryFilters,
  { limit, after }: { readonly limit: number; readonly after?: DeliveryCursor | undefined },
): Promise<Delivery[]> {
  const order = 'created_at DESC, id DESC';
  const pageOf = (which: string) => `
    SELECT * FROM deliveries
    WHERE ${which} AND ($2::text IS NULL OR endpoint_id = $2)
      AND ($3::text IS NULL OR status = $3) AND ($4::timestamptz IS NULL OR created_at >= $4)
      AND ($5::timestamptz IS NULL OR created_at < $5)
      AND ($6::timestamptz IS NULL OR (created_at, id) < ($6, $7::uuid))
    ORDER BY ${order} LIMIT $9`;
  const page =
    scope === 'all'
      ? pageOf(`$8::text[] IS NULL AND ($1::text IS NULL OR client = $1)`)
      : pageOfCustomers({
          ...{ column: 'client', count: scope.length, order, limit: '$9', pageOf },
          which: `tenant = ANY($8) AND ($1::text IS NULL OR customers.id = $1)`,
        });
  const { rows } = await client.query<Delivery>(
    `SELECT ${DELIVERY} FROM (${page}) page ORDER BY ${order}`,
    [
      owner ?? null,
      endpointId ?? null,
      status ?? null,
      from ?? null,
      to ?? null,
      after?.createdAt ?? null,
      after?.id ?? null,
      tenantsOf(scope) ?? null,
      limit,
    ],
  );
  return rows;
}

export async function readDelivery(client: Queryable, id: string): Promise<Delivery | undefined> {
  const { rows } = await client.query<Delivery>(
    `SELECT ${DELIVERY} FROM deliveries WHERE id = $1`,
    [id],
  );
  return rows[0];
}

/** The newest delivery of a message to an endpoint. */
export async function readDeliveryOf(
  client: Queryable,
  { endpointId, number }: Pick<Delivery, 'endpointId' | 'number'>,
): Promise<Delivery | undefined> {
  const { rows } = await client.query<Delivery>(
    `SELECT ${DELIVERY} FROM deliveries WHERE endpoint_id = $1 AND number = $2
     ORDER BY created_at DESC, id DESC LIMIT 1`,
    [endpointId, number],
  );
  return rows[0];
}

/** Newest first. @param page `before`: only smaller numbers. */
export async function listAttempts(
  client: Queryable,
  deliveryId: string,
  { limit, before }: { readonly limit: number; readonly before?: number | undefined },
): Promise<Attempt[]> {
  const { rows } = await client.query<Attempt>(
    `SELECT number, attempted_at AS "attemptedAt", outcome, status_code AS "statusCode", duration_ms AS "durationMs",
       error, response
     FROM delivery_attempts WHERE delivery_id = $1 AND ($2::integer IS NULL OR number < $2)
     ORDER BY number DESC LIMIT $3`,
    [deliveryId, before ?? null, limit],
  );
  return rows;
}

/** Makes a delivery due at once, as often as a new one. Its attempts so far stay. */
export async function resendDelivery(
  client: Queryable,
  { id, endpointId }: Pick<Delivery, 'id' | 'endpointId'>,
): Promise<void> {
  await client.query(
    `UPDATE deliveries SET status = 'pending', due_at = clock_timestamp(), attempt_count = 0,
       updated_at = clock_timestamp()
     WHERE id = $1`,
    [id],
  );
  await wakeEndpoint(client, endpointId);
}

/** What is to be sent to an endpoint again. */
export interface Recovery {
  readonly endpointId: string;
  readonly client: string;
  readonly since: Date;
}

export async function countFailed(
  client: Queryable,
  { endpointId, since }: Recovery,
): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM deliveries WHERE endpoint_id = $1 AND created_at >= $2 AND status = 'failed'`,
    [endpointId, since],
  );
  return Number(rows[0]?.count ?? 0);
}

/** Makes failed deliveries due at once, the oldest first. @returns How many. */
export async function recoverFailed(
  client: Queryable,
  { endpointId, since }: Recovery,
  limit: number,
): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE deliveries SET status = 'pending', due_at = clock_timestamp(), attempt_count = 0,
       updated_at = clock_timestamp()
     WHERE endpoint_id = $1 AND status = 'failed' AND (id, created_at) IN (
       SELECT id, created_at FROM deliveries
       WHERE endpoint_id = $1 AND created_at >= $2 AND status = 'failed' ORDER BY created_at, id LIMIT $3)`,
    [endpointId, since, limit],
  );
  return rowCount ?? 0;
}

/** Ends pending deliveries of an endpoint as long as it is deleted. @returns How many. */
export async function failPending(
  client: Queryable,
  endpointId: string,
  limit: number,
): Promise<number> {
  const { rowCount } = await client.query(
    `UPDATE deliveries SET status = 'failed', due_at = NULL, last_error = 'endpoint_deleted',
       updated_at = clock_timestamp()
     WHERE endpoint_id = $1 AND status = 'pending' AND (id, created_at) IN (
       SELECT id, created_at FROM deliveries WHERE endpoint_id = $1 AND status = 'pending' LIMIT $2)
       AND EXISTS (SELECT FROM endpoints WHERE endpoints.id = $1 AND endpoints.status = 'deleted')`,
    [endpointId, limit],
  );
  return rowCount ?? 0;
}

/** Of the messages with these numbers, those that an endpoint has no delivery of. */
export async function withoutDelivery(
  client: Queryable,
  endpointId: string,
  numbers: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ number: string }>(
    `SELECT number FROM unnest($2::bigint[]) AS number
     WHERE NOT EXISTS (SELECT FROM deliveries known WHERE known.endpoint_id = $1 AND known.number = number.number)`,
    [endpointId, numbers],
  );
  return new Set(rows.map(({ number }) => number));
}

/** Up to which number an endpoint has its deliveries. Locks it, so that no sender adds any until the transaction ends. */
export async function lockSeen(client: Queryable, endpointId: string): Promise<string> {
  const { rows } = await client.query<{ seen: string }>(
    'SELECT seen_number AS seen FROM endpoint_states WHERE endpoint_id = $1 FOR UPDATE',
    [endpointId],
  );
  return rows[0]?.seen ?? '0';
}

/** Lets a sender look at an endpoint at once. */
export async function wakeEndpoint(client: Queryable, endpointId: string): Promise<void> {
  await client.query(
    'UPDATE endpoint_states SET due_at = clock_timestamp() WHERE endpoint_id = $1',
    [endpointId],
  );
}
