/** What admission reads of subscriptions, and table unsubscribed_usage. */
import type { ClientBase, Pool } from 'pg';
import { tenantOfCustomer } from '../catalog/catalog.ts';
import { toIntervals, type AdmissionChange, type AdmissionRow } from '../contract/admission.ts';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { queryRows } from '../platform/postgres.ts';

type Queryable = Pick<ClientBase, 'query'>;

export interface AdmissionRead {
  readonly rows: readonly AdmissionRow[];
  /** Pass it to the next read. */
  readonly position: string;
  /** Whether `rows` are all that may admit a pulse, or only those that may have changed. */
  readonly isWhole: boolean;
}

/** A canceled subscription was last updated when its cancellation took effect, or later. */
const MATTERS = `status <> 'canceled' OR due_at IS NOT NULL OR updated_at >= to_timestamp($1::float8 / 1000)`;

/**
 * A transaction that the last read did not see has an id of at least its snapshot's xmin, and writes that id. Ids from
 * xmax on are of the server that a dump was taken from.
 */
const isNew = (table: string): string =>
  `${table}.changed_xid >= $1::xid8 AND ${table}.changed_xid < pg_snapshot_xmax(pg_current_snapshot())`;

const HAS_CHANGED = `id IN (
  SELECT id FROM subscriptions WHERE ${isNew('subscriptions')}
  UNION ALL
  SELECT subscription.id FROM subscriptions subscription
  JOIN customers ON customers.id = subscription.user_id
  WHERE ${isNew('customers')})`;

/** The id that the next read begins at, and the server that gives these ids. */
const POSITION = `pg_snapshot_xmin(pg_current_snapshot()) || '@' || extract(epoch FROM pg_postmaster_start_time())`;

/** Subscriptions that one statement reads at the start: their changes are in memory together, here and in Postgres. */
const PAGE_LENGTH = 10_000;

export interface AdmissionReadOptions {
  /** No pulse is older. */
  readonly earliestMs: number;
  /** The position that an earlier read returned. */
  readonly since?: string | undefined;
  readonly pageLength?: number;
}

/**
 * Reads every subscription that may admit a pulse; or those that may have changed since an earlier read, and those
 * whose customers may have, whatever they admit now. Some come again unchanged.
 *
 * After a restart of the server it reads all again: a failover or a restore may have lost writes, and transaction ids may
 * repeat.
 */
export async function readAdmission(
  pool: Pick<Pool, 'query'>,
  { earliestMs, since, pageLength = PAGE_LENGTH }: AdmissionReadOptions,
): Promise<AdmissionRead> {
  const toRows = (found: readonly FoundRow[]): AdmissionRow[] =>
    found.flatMap(({ id, tenant, sku, changes }) =>
      id === null ? [] : [{ id, tenant, sku, intervals: toIntervals(changes, earliestMs) }],
    );
  if (since !== undefined) {
    const [xmin, server] = since.split('@');
    const found = await queryRows<FoundRow>(pool, READ_CHANGED, [xmin, earliestMs]);
    const position = found[0]?.position ?? '';
    if (position.split('@')[1] === server) return { rows: toRows(found), position, isWhole: false };
  }
  const rows: AdmissionRow[] = [];
  let position: string | undefined;
  for (let after: string | null = null; ;) {
    const page: FoundRow[] = await queryRows(pool, READ_PAGE, [
      earliestMs,
      earliestMs,
      after,
      pageLength,
    ]);
    for (const row of toRows(page)) rows.push(row);
    // What changes while later pages are read is not in the snapshot of the first one: it comes again in the next read.
    position ??= page[0]?.position;
    after = page.at(-1)?.id ?? null;
    if (after === null || page.length < pageLength)
      return { rows, position: position ?? '0', isWhole: true };
  }
}

/**
 * One statement has one snapshot: the position is exactly that of the rows. Of the changes it takes those that were in
 * effect at the time of the oldest pulse, or later.
 */
const readOf = (which: string): string => `
  SELECT snapshot.position, admitting.*
  FROM (SELECT ${POSITION} AS position) snapshot
  LEFT JOIN LATERAL (
    SELECT id, sku, ${tenantOfCustomer('user_id')} AS tenant, (
      SELECT coalesce(json_agg(json_build_object(
        'kind', kind, 'atMs', extract(epoch FROM effective_at) * 1000) ORDER BY number), '[]')
      FROM (
        SELECT change.number, kind, effective_at, lead(effective_at) OVER (ORDER BY change.number) AS ended_at
        FROM subscription_changes change
        LEFT JOIN subscription_withdrawals withdrawal
          ON withdrawal.subscription_id = change.subscription_id AND withdrawal.number = change.number
        WHERE change.subscription_id = subscriptions.id AND withdrawal.number IS NULL) standing
      WHERE ended_at IS NULL OR ended_at > to_timestamp($2::float8 / 1000)) AS changes
    FROM subscriptions WHERE ${which}) admitting ON true`;

const READ_PAGE = `
  ${readOf(`(${MATTERS}) AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4`)}
  ORDER BY id`;
const READ_CHANGED = readOf(HAS_CHANGED);

type FoundRow = { readonly position: string } & (
  | {
      readonly id: string;
      readonly tenant: string | null;
      readonly sku: string | null;
      readonly changes: readonly AdmissionChange[];
    }
  | { readonly id: null; readonly tenant: null; readonly sku: null; readonly changes: [] }
);

/** Rows of table unsubscribed_usage. Beyond them, pairs that are not in it yet are left out. */
const ROWS_MAX = { total: 100_000, perTenant: 1_000 };
const KEPT_DAYS = 35;

/**
 * Adds counts of pulses without a subscription, for each pair of tenant and SKU.
 *
 * @returns How many pulses it has added.
 */
export async function addUnsubscribedUsage(
  pool: Pick<Pool, 'query'>,
  usages: readonly { readonly tenant: string; readonly sku: string; readonly pulseCount: number }[],
  rowsMax = ROWS_MAX,
): Promise<number> {
  const added = await queryRows<{ tenant: string; sku: string }>(
    pool,
    // In one order, because workers that lock the same rows in different ones would deadlock.
    `WITH given AS (
       SELECT tenant, sku, given.pulse_count, old.sku IS NULL AS is_new,
         count(*) FILTER (WHERE old.sku IS NULL) OVER (PARTITION BY tenant ORDER BY sku COLLATE "C") AS place
       FROM unnest($1::text[], $2::text[], $3::bigint[]) AS given (tenant, sku, pulse_count)
       LEFT JOIN unsubscribed_usage old USING (tenant, sku)),
     held AS (SELECT tenant, count(*) FROM unsubscribed_usage WHERE tenant = ANY($1) GROUP BY tenant)
     INSERT INTO unsubscribed_usage AS known (tenant, sku, pulse_count)
     SELECT tenant, sku, pulse_count
     FROM given LEFT JOIN held USING (tenant)
     WHERE NOT is_new OR (coalesce(held.count, 0) + place <= $5
       AND (SELECT count(*) FROM unsubscribed_usage) + cardinality($1::text[]) <= $4)
     ORDER BY tenant COLLATE "C", sku COLLATE "C"
     ON CONFLICT (tenant, sku) DO UPDATE SET
       pulse_count = known.pulse_count + excluded.pulse_count, last_seen_at = clock_timestamp()
     RETURNING tenant, sku`,
    [
      usages.map(({ tenant }) => tenant),
      usages.map(({ sku }) => sku),
      usages.map(({ pulseCount }) => pulseCount),
      rowsMax.total,
      rowsMax.perTenant,
    ],
  );
  const pairs = new Set(added.map(({ tenant, sku }) => JSON.stringify([tenant, sku])));
  return usages
    .filter(({ tenant, sku }) => pairs.has(JSON.stringify([tenant, sku])))
    .reduce((sum, { pulseCount }) => sum + pulseCount, 0);
}

/** Forgets what was last seen 35 days ago. */
export async function forgetUnsubscribedUsage(pool: Pick<Pool, 'query'>): Promise<void> {
  await queryRows(
    pool,
    `DELETE FROM unsubscribed_usage WHERE last_seen_at < clock_timestamp() - $1 * interval '1 day'`,
    [KEPT_DAYS],
  );
}

export interface UnsubscribedRow {
  readonly tenant: string;
  readonly sku: string;
  /** Pulses that were delivered twice count twice. */
  readonly pulseCount: number;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
}

/** Who used what without a subscription, by tenant and SKU. @param page `after` is the last pair of the page before. */
export async function listUnsubscribed(
  client: Queryable,
  {
    scope,
    limit,
    after,
  }: {
    readonly scope: TenantScope;
    readonly limit: number;
    readonly after?: Pick<UnsubscribedRow, 'tenant' | 'sku'> | undefined;
  },
): Promise<UnsubscribedRow[]> {
  const { rows } = await client.query<UnsubscribedRow>(
    `SELECT tenant, sku, pulse_count::float8 AS "pulseCount",
       first_seen_at AS "firstSeenAt", last_seen_at AS "lastSeenAt"
     FROM unsubscribed_usage
     WHERE ($1::text[] IS NULL OR tenant = ANY($1)) AND ($2::text IS NULL OR (tenant, sku) > ($2, $3))
     ORDER BY tenant, sku LIMIT $4`,
    [tenantsOf(scope) ?? null, after?.tenant ?? null, after?.sku ?? null, limit],
  );
  return rows;
}
