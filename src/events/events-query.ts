/** Tables producers, event_types and event_type_versions: the only SQL on them. */
import type { ClientBase } from 'pg';
import { outcomeOfUpsert, type PutOutcome } from '../http/change-outcome.ts';
import { onlyRow } from '../platform/postgres.ts';

type Queryable = Pick<ClientBase, 'query'>;

export interface Producer {
  readonly id: string;
  readonly name: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** One version of a type; the newest unless another was asked for. */
export interface EventType {
  readonly name: string;
  readonly version: number;
  /** JSON Schema 2020-12 for the data of an event. */
  readonly schema: object;
  readonly description: string | null;
  /** It may refuse what the version before it accepted. */
  readonly isBreaking: boolean;
  readonly createdBy: string;
  readonly createdAt: Date;
}

const PRODUCER = 'id, name, created_at AS "createdAt", updated_at AS "updatedAt"';
const VERSION = `
  edition.name, edition.version, edition.schema, edition.description, edition.is_breaking AS "isBreaking",
  edition.created_by AS "createdBy", edition.created_at AS "createdAt"`;

/** Creates a producer or changes its name. */
export async function putProducer(
  client: Queryable,
  { id, name }: { readonly id: string; readonly name: string | null },
): Promise<{ readonly producer: Producer; readonly outcome: PutOutcome }> {
  const { rows } = await client.query<{ readonly isNew: boolean }>(
    `INSERT INTO producers AS known (id, name) VALUES ($1, $2)
     ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name, updated_at = now()
     WHERE known.name IS DISTINCT FROM EXCLUDED.name
     RETURNING xmax = 0 AS "isNew"`,
    [id, name],
  );
  const stored = await client.query<Producer>(`SELECT ${PRODUCER} FROM producers WHERE id = $1`, [
    id,
  ]);
  return { producer: onlyRow(stored.rows), outcome: outcomeOfUpsert(rows) };
}

export async function readProducer(client: Queryable, id: string): Promise<Producer | undefined> {
  const { rows } = await client.query<Producer>(`SELECT ${PRODUCER} FROM producers WHERE id = $1`, [
    id,
  ]);
  return rows[0];
}

/** By id. @param page `after`: only greater ids. */
export async function listProducers(
  client: Queryable,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Promise<Producer[]> {
  const { rows } = await client.query<Producer>(
    `SELECT ${PRODUCER} FROM producers WHERE $1::text IS NULL OR id > $1 ORDER BY id LIMIT $2`,
    [after ?? null, limit],
  );
  return rows;
}

/** A version of a type, the newest by default. */
export async function readEventType(
  client: Queryable,
  name: string,
  version?: number,
): Promise<EventType | undefined> {
  const { rows } = await client.query<EventType>(
    `SELECT ${VERSION} FROM event_types type
     JOIN event_type_versions edition ON edition.name = type.name AND edition.version = coalesce($2, type.version)
     WHERE type.name = $1`,
    [name, version ?? null],
  );
  return rows[0];
}

/** The newest versions, by name. @param page `after`: only greater names. */
export async function listEventTypes(
  client: Queryable,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Promise<EventType[]> {
  const { rows } = await client.query<EventType>(
    `SELECT ${VERSION} FROM event_types type JOIN event_type_versions edition USING (name, version)
     WHERE $1::text IS NULL OR type.name > $1 ORDER BY type.name LIMIT $2`,
    [after ?? null, limit],
  );
  return rows;
}

/** Every version of a type, newest first. @param page `before`: only smaller versions. */
export async function listVersions(
  client: Queryable,
  name: string,
  { limit, before }: { readonly limit: number; readonly before?: number | undefined },
): Promise<EventType[]> {
  const { rows } = await client.query<EventType>(
    `SELECT ${VERSION} FROM event_type_versions edition
     WHERE edition.name = $1 AND ($2::integer IS NULL OR edition.version < $2)
     ORDER BY edition.version DESC LIMIT $3`,
    [name, before ?? null, limit],
  );
  return rows;
}

/** Locks a type until the transaction ends. @returns Its newest version; undefined if there is no such type. */
export async function lockEventType(
  client: Queryable,
  name: string,
): Promise<EventType | undefined> {
  const { rowCount } = await client.query('SELECT FROM event_types WHERE name = $1 FOR UPDATE', [
    name,
  ]);
  // One that was made a moment ago is not locked.
  return rowCount === 0 ? undefined : readEventType(client, name);
}

/** Until the transaction ends, no other transaction that calls this one continues. */
export async function lockNewEventTypes(client: Queryable): Promise<void> {
  await client.query("SELECT pg_advisory_xact_lock(hashtextextended('pulse event types', 0))");
}

export async function countEventTypes(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM event_types',
  );
  return rows[0]?.count ?? 0;
}

/** What a version of a type is made of. */
export type NewVersion = Pick<
  EventType,
  'name' | 'version' | 'schema' | 'description' | 'isBreaking' | 'createdBy'
>;

/**
 * Inserts a version and makes it the newest. One that exists stays as it is.
 *
 * @returns False if there is such a version.
 */
export async function insertVersion(client: Queryable, version: NewVersion): Promise<boolean> {
  const { name, schema, description, isBreaking, createdBy } = version;
  await client.query(
    `INSERT INTO event_types AS known (name, version) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET version = EXCLUDED.version, updated_at = now()
     WHERE known.version < EXCLUDED.version`,
    [name, version.version],
  );
  const { rowCount } = await client.query(
    `INSERT INTO event_type_versions (name, version, schema, description, is_breaking, created_by)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name, version) DO NOTHING`,
    [name, version.version, JSON.stringify(schema), description, isBreaking, createdBy],
  );
  return rowCount === 1;
}
