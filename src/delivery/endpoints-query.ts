/** Table endpoints, and the part of endpoint_states that an answer shows: the only SQL that changes or lists endpoints. */
import type { ClientBase } from 'pg';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { onlyRow } from '../platform/postgres.ts';
import type { DisabledReason, Endpoint, EndpointStatus } from './delivery.ts';

type Queryable = Pick<ClientBase, 'query'>;

const ENDPOINT = `
  endpoint.id, endpoint.client, url, description, types, filter, is_fifo AS "isFifo",
  rate_per_second AS "ratePerSecond", status, disabled_reason AS "disabledReason", version,
  created_at AS "createdAt", updated_at AS "updatedAt", failing_since AS "failingSince",
  failures_in_row AS "failuresInRow", last_attempt_at AS "lastAttemptAt", last_success_at AS "lastSuccessAt"`;
const FROM = 'endpoints endpoint JOIN endpoint_states state ON state.endpoint_id = endpoint.id';

/** What an endpoint is asked to be. */
export type NewEndpoint = Pick<
  Endpoint,
  'id' | 'client' | 'url' | 'description' | 'types' | 'filter' | 'isFifo' | 'ratePerSecond'
>;

/**
 * Locks an endpoint until the transaction ends; undefined if there is none, or it is deleted. Its deliveries can still
 * be inserted: a sender does so while it holds endpoint_states, which the caller may want next.
 */
export async function lockEndpoint(client: Queryable, id: string): Promise<Endpoint | undefined> {
  const { rows } = await client.query<Endpoint>(
    `SELECT ${ENDPOINT} FROM ${FROM} WHERE endpoint.id = $1 AND status <> 'deleted' FOR NO KEY UPDATE OF endpoint`,
    [id],
  );
  return rows[0];
}

/** Until the transaction ends, nobody else creates an endpoint of this client. */
export async function lockEndpointsOf(client: Queryable, clientId: string): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('endpoints of ' || $1, 0))", [
    clientId,
  ]);
}

/** How many endpoints a client has besides this one; `known` are deleted ones too. */
export async function countOthers(
  client: Queryable,
  { id, client: owner }: Pick<Endpoint, 'id' | 'client'>,
): Promise<{ readonly living: number; readonly known: number }> {
  const { rows } = await client.query<{ living: number; known: number }>(
    `SELECT count(*) FILTER (WHERE status <> 'deleted')::integer AS living, count(*)::integer AS known
     FROM endpoints WHERE client = $1 AND id <> $2`,
    [owner, id],
  );
  return onlyRow(rows);
}

/**
 * Inserts an endpoint, or makes a deleted one of the same client anew. It gets the messages that its client gets from
 * now on. An id never moves to another client, which would see the attempts of before.
 *
 * @param secret Encrypted.
 * @returns False if the id is taken.
 */
export async function insertEndpoint(
  client: Queryable,
  endpoint: NewEndpoint,
  secret: Buffer,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO endpoints AS known (id, client, url, description, types, filter, is_fifo, rate_per_second, secret)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     ON CONFLICT (id) DO UPDATE SET url = $3, description = $4, types = $5, filter = $6, is_fifo = $7,
       rate_per_second = $8, secret = $9, previous_secret = NULL, previous_secret_until = NULL, status = 'enabled',
       disabled_reason = NULL, version = known.version + 1, created_at = clock_timestamp(),
       updated_at = clock_timestamp()
     WHERE known.status = 'deleted' AND known.client = $2`,
    [...valuesOf(endpoint), secret],
  );
  if (rowCount !== 1) return false;
  await client.query(
    `INSERT INTO endpoint_states AS known (endpoint_id, seen_number) VALUES ($1, ${newestNumber('$2')})
     ON CONFLICT (endpoint_id) DO UPDATE SET seen_number = greatest(known.seen_number, ${newestNumber('$2')}),
       failing_since = NULL,
       failures_in_row = 0, last_attempt_at = NULL, last_success_at = NULL`,
    [endpoint.id, endpoint.client],
  );
  return true;
}

/** Changes a locked endpoint; its client stays. @returns Whether something is different now. */
export async function updateEndpoint(client: Queryable, endpoint: NewEndpoint): Promise<boolean> {
  const { rowCount } = await client.query(
    `UPDATE endpoints SET url = $3, description = $4, types = $5, filter = $6, is_fifo = $7, rate_per_second = $8,
       version = version + 1, updated_at = clock_timestamp()
     WHERE id = $1 AND client = $2
       AND (url, description, types, filter, is_fifo, rate_per_second) IS DISTINCT FROM ($3, $4, $5, $6, $7, $8)`,
    valuesOf(endpoint),
  );
  return rowCount === 1;
}

/** Changes the status of a locked endpoint. When it is enabled, it gets the messages from now on. */
export async function changeStatus(
  client: Queryable,
  { id, client: owner }: Pick<Endpoint, 'id' | 'client'>,
  { status, reason }: { readonly status: EndpointStatus; readonly reason: DisabledReason | null },
): Promise<void> {
  await client.query(
    `UPDATE endpoints SET status = $2, disabled_reason = $3, version = version + 1, updated_at = clock_timestamp()
     WHERE id = $1`,
    [id, status, reason],
  );
  if (status !== 'enabled') return;
  await client.query(
    `UPDATE endpoint_states SET seen_number = greatest(seen_number, ${newestNumber('$2')}), failing_since = NULL,
       failures_in_row = 0
     WHERE endpoint_id = $1`,
    [id, owner],
  );
}

/** Deletes a locked endpoint. Its deliveries and their attempts stay until their month is dropped. */
export async function deleteEndpoint(client: Queryable, id: string): Promise<void> {
  await client.query(
    `UPDATE endpoints SET status = 'deleted', secret = '', previous_secret = NULL, previous_secret_until = NULL,
       version = version + 1, updated_at = clock_timestamp()
     WHERE id = $1`,
    [id],
  );
  // The process that serves it adds no more deliveries.
  await client.query(
    'UPDATE endpoint_states SET held_by = NULL, held_until = NULL, due_at = NULL WHERE endpoint_id = $1',
    [id],
  );
}

const FORGETTABLE = `status = 'deleted' AND updated_at < $1`;

/** How many endpoints were deleted before an instant. */
export async function countDeleted(client: Queryable, before: Date): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM endpoints WHERE ${FORGETTABLE}`,
    [before],
  );
  return Number(onlyRow(rows).count);
}

/** Removes endpoints that were deleted before an instant and have no delivery left. @returns How many. */
export async function forgetDeleted(
  client: Queryable,
  before: Date,
  limit: number,
): Promise<number> {
  // Whoever creates one anew has locked it, and keeps it.
  const { rows } = await client.query<{ id: string }>(
    `SELECT id FROM endpoints
     WHERE ${FORGETTABLE} AND NOT EXISTS (SELECT FROM deliveries WHERE endpoint_id = endpoints.id)
     ORDER BY updated_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
    [before, limit],
  );
  const ids = rows.map(({ id }) => id);
  await client.query('DELETE FROM endpoint_states WHERE endpoint_id = ANY($1)', [ids]);
  await client.query('DELETE FROM endpoints WHERE id = ANY($1)', [ids]);
  return ids.length;
}

/**
 * Replaces the secret of a locked endpoint.
 *
 * @param given.previousUntil How long the one before signs beside it. Null: not at all.
 */
export async function rotateSecret(
  client: Queryable,
  id: string,
  { secret, previousUntil }: { readonly secret: Buffer; readonly previousUntil: Date | null },
): Promise<void> {
  await client.query(
    `UPDATE endpoints SET previous_secret = CASE WHEN $3::timestamptz IS NOT NULL THEN secret END,
       previous_secret_until = $3, secret = $2, version = version + 1,
       updated_at = clock_timestamp()
     WHERE id = $1`,
    [id, secret, previousUntil],
  );
}

export async function readEndpoint(client: Queryable, id: string): Promise<Endpoint | undefined> {
  const { rows } = await client.query<Endpoint>(
    `SELECT ${ENDPOINT} FROM ${FROM} WHERE endpoint.id = $1 AND status <> 'deleted'`,
    [id],
  );
  return rows[0];
}

/** Which endpoints; what is undefined does not restrict. */
export interface EndpointFilters {
  readonly scope: TenantScope;
  readonly client?: string | undefined;
  readonly status?: EndpointStatus | undefined;
}

/** By id. @param page `after`: only greater ids. */
export async function listEndpoints(
  client: Queryable,
  { scope, client: owner, status }: EndpointFilters,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Promise<Endpoint[]> {
  const { rows } = await client.query<Endpoint>(
    `SELECT ${ENDPOINT} FROM ${FROM}
     WHERE status <> 'deleted' AND ($1::text[] IS NULL OR client IN (SELECT id FROM customers WHERE tenant = ANY($1)))
       AND ($2::text IS NULL OR client = $2) AND ($3::text IS NULL OR status = $3)
       AND ($4::text IS NULL OR endpoint.id > $4)
     ORDER BY endpoint.id LIMIT $5`,
    [tenantsOf(scope) ?? null, owner ?? null, status ?? null, after ?? null, limit],
  );
  return rows;
}

/** An endpoint with the secrets that sign for it now. */
export interface SigningEndpoint extends Endpoint {
  /** Encrypted; the newest first, and the one before while it rotates. */
  readonly secrets: readonly Buffer[];
}

/** What a sender needs of an endpoint; undefined when nothing may be sent to it. */
export async function readForSending(
  client: Queryable,
  id: string,
  statuses: readonly EndpointStatus[] = ['enabled'],
): Promise<SigningEndpoint | undefined> {
  const { rows } = await client.query<SigningEndpoint>(
    `SELECT ${ENDPOINT}, array_remove(ARRAY[secret, CASE WHEN previous_secret_until > clock_timestamp()
       THEN previous_secret END], NULL) AS secrets
     FROM ${FROM} WHERE endpoint.id = $1 AND status = ANY($2)`,
    [id, statuses],
  );
  return rows[0];
}

/** Every secret, for a rotation of the keys that encrypt them. @param page `after`: only greater ids. */
export async function listSecrets(
  client: Queryable,
  { limit, after }: { readonly limit: number; readonly after: string },
): Promise<{ readonly id: string; readonly secret: Buffer; readonly previous: Buffer | null }[]> {
  const { rows } = await client.query<{ id: string; secret: Buffer; previous: Buffer | null }>(
    `SELECT id, secret, CASE WHEN previous_secret_until > now() THEN previous_secret END AS previous FROM endpoints
     WHERE status <> 'deleted' AND id > $1 ORDER BY id LIMIT $2 FOR UPDATE`,
    [after, limit],
  );
  return rows;
}

export async function replaceSecrets(
  client: Queryable,
  id: string,
  { secret, previous }: { readonly secret: Buffer; readonly previous: Buffer | null },
): Promise<void> {
  await client.query('UPDATE endpoints SET secret = $2, previous_secret = $3 WHERE id = $1', [
    id,
    secret,
    previous,
  ]);
}

function newestNumber(client: string): string {
  return `coalesce((SELECT last_number FROM message_numbers WHERE client = ${client}), 0)`;
}

function valuesOf(endpoint: NewEndpoint): unknown[] {
  const { id, client, url, description, types, filter, isFifo, ratePerSecond } = endpoint;
  const filterText = filter === null ? null : JSON.stringify(filter);
  return [id, client, url, description, types, filterText, isFifo, ratePerSecond];
}
