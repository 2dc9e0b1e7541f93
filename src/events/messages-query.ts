/** Tables messages and message_numbers: the only SQL on them besides that of message-pages-query.ts. */
import type { ClientBase, Pool } from 'pg';
import { knownCustomers } from '../catalog/catalog.ts';
import { onlyRow } from '../platform/postgres.ts';
import type { Event, Message, MessageHead } from './events.ts';

type Queryable = Pick<ClientBase, 'query'>;

/** What the events of a batch refer to. */
export interface EventReferences {
  readonly producers: ReadonlySet<string>;
  readonly clients: ReadonlySet<string>;
  /** The newest version of each type. */
  readonly versions: ReadonlyMap<string, number>;
  /** Postgres' clock after the lock, to the millisecond. */
  readonly now: Date;
}

/** Reads what events refer to, as it is now. */
export function readReferences(
  client: Queryable,
  events: readonly Event[],
): Promise<EventReferences> {
  return selectReferences(client, events, '');
}

/**
 * The same, and locks their producers until the transaction ends: two transactions that store the same event take turns,
 * so the second one finds it. All who send as these producers wait, so nothing long belongs behind the lock.
 */
export function lockReferences(
  client: Queryable,
  events: readonly Event[],
): Promise<EventReferences> {
  return selectReferences(client, events, 'ORDER BY id FOR NO KEY UPDATE');
}

async function selectReferences(
  client: Queryable,
  events: readonly Event[],
  lock: string,
): Promise<EventReferences> {
  // The outer row exists when the producers are locked, so its clock is read after that.
  const { rows } = await client.query<{
    producers: readonly string[];
    clients: readonly string[];
    versions: Readonly<Record<string, number>>;
    now: Date;
  }>(
    `WITH found AS MATERIALIZED (
       SELECT id FROM producers WHERE id = ANY($1) ${lock}
     )
     SELECT producers, ${knownCustomers('$2')} AS clients,
       (SELECT coalesce(json_object_agg(name, version), '{}') FROM event_types WHERE name = ANY($3)) AS versions,
       date_trunc('milliseconds', clock_timestamp()) AS now
     FROM (SELECT coalesce(array_agg(id), '{}') AS producers FROM found) AS of_found`,
    [
      distinct(events, ({ producer }) => producer),
      distinct(events, ({ client: id }) => id),
      distinct(events, ({ type }) => type),
    ],
  );
  const row = onlyRow(rows);
  return {
    producers: new Set(row.producers),
    clients: new Set(row.clients),
    versions: new Map(Object.entries(row.versions)),
    now: row.now,
  };
}

/** No JSON text has it. An array would need each quote escaped, and read again. */
const DATA_SEPARATOR = '\u001f';

/**
 * Stores events, after `lockReferences` in the same transaction. Each gets the next number of its client.
 *
 * @param events Their producers, types and clients exist. No event twice.
 * @returns The clients of those that were stored before, by place. Their messages stay as they are.
 */
export async function insertMessages(
  client: Queryable,
  events: readonly Event[],
  { versions, now }: Pick<EventReferences, 'versions' | 'now'>,
): Promise<ReadonlyMap<number, string>> {
  // The numbers are taken in the order of the clients, so that two transactions never wait for each other. OFFSET 0 has
  // each event looked up in the index; without it, Postgres may read the whole table for every batch.
  const { rows } = await client.query<{ place: string; owner: string }>(
    `WITH event AS MATERIALIZED (
       SELECT *, (
         SELECT messages.client FROM messages
         WHERE messages.producer = event.producer AND messages.id = event.id LIMIT 1 OFFSET 0) AS owner
       FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::text[], string_to_array($6, '${DATA_SEPARATOR}')::json[], $7::timestamptz[])
         WITH ORDINALITY AS event (producer, id, type, version, client, data, occurred_at, place)
     ), fresh AS (
       SELECT *, row_number() OVER (PARTITION BY client ORDER BY place DESC) AS place_from_end
       FROM event WHERE owner IS NULL
     ), taken AS (
       INSERT INTO message_numbers AS known (client, last_number)
       SELECT client, count(*) FROM fresh GROUP BY client ORDER BY client
       ON CONFLICT (client) DO UPDATE SET last_number = known.last_number + EXCLUDED.last_number
       RETURNING client, last_number
     ), stored AS (
       INSERT INTO messages (producer, id, type, type_version, client, number, data, occurred_at, stored_at)
       SELECT producer, id, type, version, client, last_number - place_from_end + 1, data, coalesce(occurred_at, $8), $8
       FROM fresh JOIN taken USING (client)
     )
     SELECT place, owner FROM event WHERE owner IS NOT NULL`,
    [
      events.map(({ producer }) => producer),
      events.map(({ id }) => id),
      events.map(({ type }) => type),
      events.map(({ type }) => versions.get(type)),
      events.map(({ client: id }) => id),
      events.map(({ dataText }) => dataText).join(DATA_SEPARATOR),
      events.map(({ occurredAt }) => occurredAt?.toISOString() ?? null),
      now,
    ],
  );
  return new Map(rows.map(({ place, owner }) => [Number(place) - 1, owner]));
}

/** Which messages; what is undefined does not restrict. */
export interface MessageFilters {
  readonly producer?: string | undefined;
  readonly client?: string | undefined;
  readonly type?: string | undefined;
  readonly from?: Date | undefined;
  readonly to?: Date | undefined;
}

/** The columns of a MessageHead. */
export const MESSAGE_HEAD = `
  producer, id, type, type_version AS "typeVersion", client, number, occurred_at AS "occurredAt",
  stored_at AS "storedAt"`;

/** The data of a row, unless the rows before it have as many bytes. @param bytesMax A number, or its parameter. */
export function dataWithin(order: string, bytesMax: number | `$${number}`): string {
  return `CASE WHEN sum(octet_length(data::text)) OVER (ORDER BY ${order} ROWS UNBOUNDED PRECEDING)
    - octet_length(data::text) < ${bytesMax} THEN data::text END AS data`;
}

/** When the first of the messages with greater numbers was stored, of those stored since an instant. */
export async function earliestStoredAfter(
  client: Queryable,
  { client: owner, after, since }: { client: string; after: string; since: Date },
): Promise<Date | null> {
  const { rows } = await client.query<{ earliest: Date | null }>(
    `SELECT min(stored_at) AS earliest FROM messages WHERE client = $1 AND number > $2 AND stored_at >= $3`,
    [owner, after, since],
  );
  return rows[0]?.earliest ?? null;
}

/** SQL: when the first message of a client beyond a number was stored; null when there is none. */
export function firstStoredAfter(owner: string, number: string): string {
  return `(SELECT stored_at FROM messages WHERE messages.client = ${owner} AND messages.number > ${number}
    ORDER BY messages.number LIMIT 1)`;
}

export type MessageCursor = Pick<Message, 'storedAt' | 'producer' | 'id'>;

export async function readMessage(
  client: Queryable,
  { producer, id }: Pick<Message, 'producer' | 'id'>,
): Promise<Message | undefined> {
  const { rows } = await client.query<Message>(
    `SELECT ${MESSAGE_HEAD}, data::text AS data FROM messages WHERE producer = $1 AND id = $2`,
    [producer, id],
  );
  return rows[0];
}

/** The messages of a client by number, without their data. @param page `since`: stored at this instant or later. */
export async function pullMessageHeads(
  client: Queryable,
  clientId: string,
  page: { readonly limit: number; readonly after: string; readonly since?: Date | undefined },
): Promise<MessageHead[]> {
  const { limit, after, since = null } = page;
  const { rows } = await client.query<MessageHead>(
    `SELECT producer, id, type, client, number, stored_at AS "storedAt" FROM messages
     WHERE client = $1 AND number > $2 AND ($3::timestamptz IS NULL OR stored_at >= $3)
     ORDER BY number LIMIT $4`,
    [clientId, after, since, limit],
  );
  return rows;
}

/**
 * Messages by their whole keys, in their order; those that are gone are missing.
 *
 * @param bytesMax Of the data of all of them. Those after the one that goes beyond have null as data.
 */
export async function readMessages(
  client: Queryable,
  keys: readonly MessageCursor[],
  bytesMax: number,
): Promise<(Omit<Message, 'data'> & { readonly data: string | null })[]> {
  const { rows } = await client.query<Message>(
    `SELECT ${MESSAGE_HEAD}, ${dataWithin('place', '$4')}
     FROM messages JOIN unnest($1::text[], $2::text[], $3::timestamptz[]) WITH ORDINALITY
       AS key (producer, id, stored_at, place) USING (producer, id, stored_at)
     ORDER BY place`,
    [
      keys.map(({ producer }) => producer),
      keys.map(({ id }) => id),
      keys.map(({ storedAt }) => storedAt),
      bytesMax,
    ],
  );
  return rows;
}

/** The partitions of this month and the next; every process that stores calls it at its start and daily. */
export async function ensureMessagePartitions(pool: Pick<Pool, 'query'>): Promise<void> {
  await pool.query("SELECT ensure_month_partitions('messages', now(), now() + interval '1 month')");
}

function distinct(events: readonly Event[], pick: (event: Event) => string): string[] {
  return [...new Set(events.map(pick))];
}
