/** Tables workflows and workflow_shares: the only SQL on them. */
import type { Pool } from 'pg';
import { shareOf, tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { onlyRow } from '../platform/postgres.ts';
import type { NewWorkflow, Workflow, WorkflowStatus } from './workflows.ts';

type Queryable = Pick<Pool, 'query'>;

const HEAD = `
  id, share, status, steps, client, round, is_queued AS "isQueued", created_by AS "createdBy", created_at AS "createdAt",
  consumed_at AS "consumedAt", consumed_by AS "consumedBy"`;
const WORKFLOW = `${HEAD}, data_text AS "dataText"`;

export async function insertWorkflow(
  client: Queryable,
  scope: TenantScope,
  given: NewWorkflow,
): Promise<void> {
  await client.query(
    `INSERT INTO workflows (id, tenants, share, created_by, client, data, data_text, steps)
     VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $6::text, $7)`,
    [
      given.id,
      tenantsOf(scope) ?? null,
      shareOf(scope),
      given.createdBy,
      given.client ?? null,
      given.dataText,
      given.steps,
    ],
  );
}

/** Whose messages are in the queue. */
export interface QueuedLoad {
  readonly count: number;
  /** Of data. */
  readonly bytes: number;
}

export async function readQueuedLoad(
  client: Queryable,
  share: string,
): Promise<{ readonly ofShare: QueuedLoad; readonly inAll: QueuedLoad }> {
  const { rows } = await client.query<{ isOwn: boolean; count: number; bytes: number }>(
    `SELECT share = $1 AS "isOwn", count(*)::float8 AS count, sum(octet_length(data_text))::float8 AS bytes
     FROM workflows WHERE is_queued GROUP BY 1`,
    [share],
  );
  const own = rows.find(({ isOwn }) => isOwn) ?? { count: 0, bytes: 0 };
  const others = rows.find(({ isOwn }) => !isOwn) ?? { count: 0, bytes: 0 };
  return {
    ofShare: own,
    inAll: { count: own.count + others.count, bytes: own.bytes + others.bytes },
  };
}

/** What is kept, waiting and consumed: data, steps and CSV. Triggers keep the sums. */
export async function readKeptBytes(
  client: Queryable,
  share: string,
): Promise<{ readonly ofShare: number; readonly inAll: number }> {
  const { rows } = await client.query<{ ofShare: number; inAll: number }>(
    `SELECT coalesce(sum(kept_bytes) FILTER (WHERE share = $1), 0)::float8 AS "ofShare",
       coalesce(sum(kept_bytes), 0)::float8 AS "inAll" FROM workflow_shares`,
    [share],
  );
  return onlyRow(rows);
}

export async function readWorkflow(client: Queryable, id: string): Promise<Workflow | undefined> {
  const { rows } = await client.query<Workflow>(`SELECT ${WORKFLOW} FROM workflows WHERE id = $1`, [
    id,
  ]);
  return rows[0];
}

/** Locks a workflow until the transaction ends. */
export async function lockWorkflow(client: Queryable, id: string): Promise<Workflow | undefined> {
  const { rows } = await client.query<Workflow>(
    `SELECT ${WORKFLOW} FROM workflows WHERE id = $1 FOR UPDATE`,
    [id],
  );
  return rows[0];
}

/** Of a workflow that is consumed. */
export async function readCsv(client: Queryable, id: string): Promise<string | undefined> {
  const { rows } = await client.query<{ csv: string | null }>(
    'SELECT csv FROM workflows WHERE id = $1',
    [id],
  );
  return rows[0]?.csv ?? undefined;
}

/** Marks a locked workflow as consumed. @param isQueued Whether its message is still in the queue. */
export async function setConsumed(
  client: Queryable,
  { id, isQueued }: Pick<Workflow, 'id' | 'isQueued'>,
  { csv, consumedBy }: { readonly csv: string; readonly consumedBy: string },
): Promise<Workflow> {
  const { rows } = await client.query<Workflow>(
    `UPDATE workflows SET status = 'consumed', csv = $2, consumed_at = clock_timestamp(), consumed_by = $3, is_queued = $4
     WHERE id = $1 RETURNING ${WORKFLOW}`,
    [id, csv, consumedBy, isQueued],
  );
  return onlyRow(rows);
}

/** Marks a locked workflow as inserted. Without a message in the queue it is in its next round, and needs one. */
export async function setInserted(client: Queryable, id: string): Promise<Workflow> {
  const { rows } = await client.query<Workflow>(
    `UPDATE workflows SET status = 'inserted', csv = NULL, consumed_at = NULL, consumed_by = NULL,
       round = CASE WHEN is_queued THEN round ELSE round + 1 END, is_queued = true
     WHERE id = $1 RETURNING ${WORKFLOW}`,
    [id],
  );
  return onlyRow(rows);
}

/** Notes that the message of a consumed workflow is taken from the queue. */
export async function setTaken(client: Queryable, id: string): Promise<void> {
  await client.query('UPDATE workflows SET is_queued = false WHERE id = $1', [id]);
}

/** @returns How many wait, of those inserted before an instant. */
export async function countInserted(client: Queryable, before: Date): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM workflows
     WHERE is_queued AND status = 'inserted' AND created_at < $1`,
    [before],
  );
  return onlyRow(rows).count;
}

/**
 * Locks those whose messages should be in the queue, the oldest first, without those that somebody else has locked.
 *
 * @returns Where the next call continues; undefined at the end.
 */
export async function lockQueued(
  client: Queryable,
  {
    before,
    after,
    limit,
  }: { readonly before: Date; readonly after: string | undefined; readonly limit: number },
): Promise<{ readonly ids: readonly string[]; readonly next: string | undefined }> {
  const [createdAt, afterId] = after?.split('|') ?? [];
  const { rows } = await client.query<{ id: string; cursor: string }>(
    `SELECT id, created_at::text || '|' || id AS cursor FROM workflows
     WHERE is_queued AND created_at < $1
       AND ($2::timestamptz IS NULL OR (created_at, id) > ($2::timestamptz, $3::uuid))
     ORDER BY created_at, id LIMIT $4 FOR UPDATE SKIP LOCKED`,
    [before, createdAt ?? null, afterId ?? null, limit],
  );
  const next = rows.length < limit ? undefined : rows.at(-1)?.cursor;
  return { ids: rows.map(({ id }) => id), next };
}

/**
 * Makes the messages of locked workflows old.
 *
 * @returns Those that wait, in the order of `ids`; they need new messages.
 */
export async function raiseRounds(
  client: Queryable,
  ids: readonly string[],
): Promise<readonly { readonly id: string; readonly round: number }[]> {
  const { rows } = await client.query<{ id: string; round: number }>(
    `WITH raised AS (
       UPDATE workflows SET is_queued = status = 'inserted',
         round = CASE WHEN status = 'inserted' THEN round + 1 ELSE round END
       WHERE id = ANY ($1) RETURNING id, round, is_queued
     )
     SELECT id, round FROM raised JOIN unnest($1::uuid[]) WITH ORDINALITY AS given (id, place) USING (id)
     WHERE is_queued ORDER BY place`,
    [ids],
  );
  return rows;
}

/** A workflow whose message is still in the queue does not expire: without its row, the message would be a dead letter. */
const EXPIRED = `status = 'consumed' AND NOT is_queued AND consumed_at < $1`;

export async function countConsumed(client: Queryable, before: Date): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM workflows WHERE ${EXPIRED}`,
    [before],
  );
  return onlyRow(rows).count;
}

/** Deletes the oldest that were consumed before an instant, without those that somebody has locked. @returns How many. */
export async function deleteConsumed(
  client: Queryable,
  before: Date,
  limit: number,
): Promise<number> {
  const { rowCount } = await client.query(
    `WITH expired AS MATERIALIZED (
       SELECT id FROM workflows WHERE ${EXPIRED} ORDER BY consumed_at LIMIT $2 FOR UPDATE SKIP LOCKED
     )
     DELETE FROM workflows USING expired WHERE workflows.id = expired.id`,
    [before, limit],
  );
  return rowCount ?? 0;
}

/** Which workflows to list; an undefined filter does not restrict. */
export interface WorkflowFilters {
  readonly status?: WorkflowStatus | undefined;
  /** One of its steps has this name. */
  readonly step?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

export interface WorkflowsPage {
  readonly limit: number;
  readonly after?: string | undefined;
  /** Of data. The page ends early instead of holding more, except that it holds one workflow of any size. */
  readonly bytesMax: number;
}

/** Newest first. @returns Up to `limit` workflows, and the cursor of the next page. */
export async function listWorkflows(
  client: Queryable,
  filters: WorkflowFilters,
  { limit, after, bytesMax }: WorkflowsPage,
): Promise<{ readonly data: readonly Workflow[]; readonly next: string | null }> {
  const instant = (ms: number | undefined) => (ms === undefined ? null : new Date(ms));
  const [us, id] = after?.split('.') ?? [];
  const { rows } = await client.query<Workflow & { cursor: string; isBeyond: boolean }>(
    `WITH page AS (
       SELECT id, created_at, sum(octet_length(data_text)) OVER newest AS bytes, row_number() OVER newest AS place
       FROM (
         SELECT id, created_at, data_text FROM workflows
         WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR $2 = ANY (steps))
           AND ($3::timestamptz IS NULL OR created_at >= $3) AND ($4::timestamptz IS NULL OR created_at < $4)
           AND ($5::bigint IS NULL
             OR (created_at, id) < (to_timestamp(0) + make_interval(secs => $5::bigint / 1000000.0), $6::uuid))
         ORDER BY created_at DESC, id DESC LIMIT $7
       ) AS found
       WINDOW newest AS (ORDER BY created_at DESC, id DESC)
     ), judged AS (
       SELECT id, place, place > $7 - 1 OR (bytes > $8 AND place > 1) AS "isBeyond" FROM page
     )
     SELECT ${HEAD}, CASE WHEN "isBeyond" THEN 'null' ELSE data_text END AS "dataText", "isBeyond",
       (extract(epoch FROM created_at) * 1000000)::bigint || '.' || id AS cursor
     FROM judged JOIN workflows USING (id) ORDER BY place`,
    [
      filters.status ?? null,
      filters.step ?? null,
      instant(filters.fromMs),
      instant(filters.toMs),
      us ?? null,
      id ?? null,
      limit + 1,
      bytesMax,
    ],
  );
  const data = rows.filter(({ isBeyond }) => !isBeyond);
  return { data, next: data.length < rows.length ? (data.at(-1)?.cursor ?? null) : null };
}

/** How many wait to be consumed; at most `countedMax` are counted. */
export async function countWaiting(client: Queryable, countedMax: number): Promise<number> {
  const { rows } = await client.query<{ count: number }>(
    `SELECT count(*)::int AS count
     FROM (SELECT FROM workflows WHERE is_queued AND status = 'inserted' LIMIT $1) AS waiting`,
    [countedMax],
  );
  return onlyRow(rows).count;
}
