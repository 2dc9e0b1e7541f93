/** Tables subscriptions, subscription_changes and subscription_withdrawals: the only SQL that changes or lists them. */
import type { ClientBase } from 'pg';
import { pageOfCustomers, tenantOfCustomer } from '../catalog/catalog.ts';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import {
  statusOf,
  type ChangeableTimeline,
  type ChangeOrigin,
  type ListedChange,
  type PurchaseRequest,
  type Subscription,
  type SubscriptionStatus,
  type Timeline,
  type TimelineChange,
} from './subscriptions.ts';

type Queryable = Pick<ClientBase, 'query'>;

const IS_WITHDRAWN = `EXISTS (
  SELECT FROM subscription_withdrawals withdrawal
  WHERE withdrawal.subscription_id = change.subscription_id AND withdrawal.number = change.number)`;

const CHANGE = `
  change.number, change.kind, change.effective_at AS "effectiveAt", change.cause,
  change.changed_by AS "changedBy", change.changed_at AS "changedAt"`;

const SUBSCRIPTION = `
  id, user_id AS "userId", sku, order_id AS "orderId", ${tenantOfCustomer('user_id')} AS tenant,
  status, version, created_at AS "createdAt", updated_at AS "updatedAt",
  CASE WHEN due_at IS NULL THEN '[]'::json ELSE (
    SELECT coalesce(json_agg(json_build_object(
      'number', change.number, 'kind', change.kind, 'effectiveAt', change.effective_at) ORDER BY change.number), '[]')
    FROM subscription_changes change
    WHERE change.subscription_id = id AND change.number > applied_number AND NOT ${IS_WITHDRAWN}) END AS pending`;

type SubscriptionRow = Omit<Subscription, 'pending'> & {
  readonly pending: readonly TimelineChange<string>[];
};

/**
 * Inserts a subscription without changes.
 *
 * @returns False if there is one with this id.
 */
export async function insertSubscription(
  client: Queryable,
  { id, userId, sku, orderId }: PurchaseRequest,
): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO subscriptions (id, user_id, sku, order_id, status, applied_number)
     VALUES ($1, $2, $3, $4, 'pending', 0) ON CONFLICT (id) DO NOTHING`,
    [id, userId, sku ?? null, orderId ?? null],
  );
  return rowCount === 1;
}

/** A subscription that nobody else changes until the transaction ends. */
export interface LockedSubscription extends ChangeableTimeline {
  readonly id: string;
  readonly userId: string;
  readonly sku: string | null;
  readonly orderId: string | null;
  /** Postgres' clock after the lock, to the millisecond. */
  readonly now: Date;
}

interface LockedHead extends Pick<LockedSubscription, 'id' | 'userId' | 'sku' | 'orderId'> {
  readonly appliedNumber: number;
}

const LOCKED_HEAD =
  'id, user_id AS "userId", sku, order_id AS "orderId", applied_number AS "appliedNumber"';

/** Locks a subscription until the transaction ends. */
export async function lockSubscription(
  client: Queryable,
  id: string,
): Promise<LockedSubscription | undefined> {
  const { rows } = await client.query<LockedHead>(
    `SELECT ${LOCKED_HEAD} FROM subscriptions WHERE id = $1 FOR UPDATE`,
    [id],
  );
  const [locked] = await readTimelines(client, rows);
  return locked;
}

/**
 * Locks subscriptions with a change that is due, the longest due first, until the transaction ends. Leaves out what
 * others have locked: they put it into effect themselves.
 */
export async function lockDueSubscriptions(
  client: Queryable,
  limit: number,
): Promise<LockedSubscription[]> {
  const { rows } = await client.query<LockedHead>(
    `SELECT ${LOCKED_HEAD} FROM subscriptions WHERE due_at <= clock_timestamp()
     ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED`,
    [limit],
  );
  return readTimelines(client, rows);
}

/** For how long the oldest due change has been overdue, in seconds; 0 when none is due. */
export async function readDueSeconds(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ seconds: number }>(
    `SELECT greatest(extract(epoch FROM clock_timestamp() - min(due_at)), 0)::float8 AS seconds FROM subscriptions`,
  );
  return rows[0]?.seconds ?? 0;
}

/** In a statement after the lock: the one that waited for it still sees the changes of before. */
async function readTimelines(
  client: Queryable,
  heads: readonly LockedHead[],
): Promise<LockedSubscription[]> {
  if (heads.length === 0) return [];
  const { rows } = await client.query<{
    readonly changes: readonly TimelineChange<string>[];
    readonly newestNumber: number;
    readonly now: Date;
  }>(
    `SELECT (SELECT coalesce(json_agg(json_build_object('number', change.number, 'kind', change.kind,
         'effectiveAt', change.effective_at) ORDER BY change.number), '[]')
       FROM subscription_changes change
       WHERE change.subscription_id = head.id AND change.number >= head.applied AND NOT ${IS_WITHDRAWN}) AS changes,
       (SELECT coalesce(max(number), 0) FROM subscription_changes WHERE subscription_id = head.id) AS "newestNumber",
       date_trunc('milliseconds', clock_timestamp()) AS now
     FROM unnest($1::uuid[], $2::integer[]) WITH ORDINALITY AS head (id, applied, place) ORDER BY place`,
    [heads.map(({ id }) => id), heads.map(({ appliedNumber }) => appliedNumber)],
  );
  return heads.flatMap(({ appliedNumber, ...facts }, index) => {
    const row = rows[index];
    if (row === undefined) return [];
    const { changes, newestNumber, now } = row;
    const standing = changes.map(withDate);
    const last = standing.find(({ number }) => number === appliedNumber);
    const pending = standing.filter(({ number }) => number > appliedNumber);
    return [{ ...facts, last, pending, newestNumber, now }];
  });
}

/** Postgres' clock, to the millisecond. */
export async function readClock(client: Queryable): Promise<Date> {
  const { rows } = await client.query<{ now: Date }>(
    "SELECT date_trunc('milliseconds', clock_timestamp()) AS now",
  );
  return rows[0]?.now ?? new Date();
}

/** Inserts a change of a locked subscription. */
export async function insertChange(
  client: Queryable,
  { id, userId }: Pick<LockedSubscription, 'id' | 'userId'>,
  change: TimelineChange & ChangeOrigin,
): Promise<void> {
  const { number, kind, effectiveAt, cause, changedBy } = change;
  await client.query(
    `INSERT INTO subscription_changes (subscription_id, user_id, number, kind, effective_at, cause, changed_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7)`,
    [id, userId, number, kind, effectiveAt, cause, changedBy],
  );
}

export async function insertWithdrawal(
  client: Queryable,
  { id }: Pick<LockedSubscription, 'id'>,
  { number, withdrawnBy }: { readonly number: number; readonly withdrawnBy: string },
): Promise<void> {
  await client.query(
    `INSERT INTO subscription_withdrawals (subscription_id, number, withdrawn_by) VALUES ($1, $2, $3)`,
    [id, number, withdrawnBy],
  );
}

/** Writes the timelines of locked subscriptions into their rows: the status, and when the next change is due. */
export async function updateSubscriptions(
  client: Queryable,
  timelines: readonly (Timeline & Pick<LockedSubscription, 'id'>)[],
): Promise<void> {
  await client.query(
    `UPDATE subscriptions
     SET status = head.status, applied_number = head.applied, due_at = head.due, version = version + 1,
         updated_at = clock_timestamp(), changed_xid = pg_current_xact_id()
     FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::timestamptz[]) AS head (id, status, applied, due)
     WHERE subscriptions.id = head.id`,
    [
      timelines.map(({ id }) => id),
      timelines.map(statusOf),
      timelines.map(({ last }) => last?.number ?? 0),
      timelines.map(({ pending }) => pending[0]?.effectiveAt ?? null),
    ],
  );
}

export async function readSubscription(
  client: Queryable,
  id: string,
): Promise<Subscription | undefined> {
  const { rows } = await client.query<SubscriptionRow>(
    `SELECT ${SUBSCRIPTION} FROM subscriptions WHERE id = $1`,
    [id],
  );
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** Which subscriptions; what is undefined does not restrict. */
export interface SubscriptionFilters {
  readonly scope: TenantScope;
  readonly userId?: string | undefined;
  readonly tenant?: string | undefined;
  readonly sku?: string | undefined;
  readonly status?: SubscriptionStatus | undefined;
}

/** Newest first. @param page `after` is the cursor of the last row of the page before. */
export async function listSubscriptions(
  client: Queryable,
  { scope, userId, tenant, sku, status }: SubscriptionFilters,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Promise<(Subscription & { readonly cursor: string })[]> {
  const order = 'created_at DESC, id DESC';
  const pageOf = (which: string) => `
    SELECT * FROM subscriptions
    WHERE ${which} AND ($4::text IS NULL OR sku = $4) AND ($5::text IS NULL OR status = $5)
      AND ($6::text IS NULL OR (created_at, id) < (timestamptz 'epoch' +
        split_part($6, '.', 1)::bigint * interval '1 microsecond', split_part($6, '.', 2)::uuid))
    ORDER BY ${order} LIMIT $7`;
  const page =
    scope === 'all' && tenant === undefined
      ? pageOf('$1::text[] IS NULL AND $3::text IS NULL AND ($2::text IS NULL OR user_id = $2)')
      : pageOfCustomers({
          ...{
            column: 'user_id',
            count: tenant === undefined ? scope.length : 1,
            order,
            limit: '$7',
            pageOf,
          },
          which: `($1::text[] IS NULL OR tenant = ANY($1)) AND ($3::text IS NULL OR tenant = $3)
            AND ($2::text IS NULL OR customers.id = $2)`,
        });
  const { rows } = await client.query<SubscriptionRow & { readonly cursor: string }>(
    `SELECT ${SUBSCRIPTION}, (extract(epoch FROM created_at) * 1000000)::bigint || '.' || id AS cursor
     FROM (${page}) page ORDER BY ${order}`,
    [
      tenantsOf(scope) ?? null,
      userId ?? null,
      tenant ?? null,
      sku ?? null,
      status ?? null,
      after ?? null,
      limit,
    ],
  );
  return rows.map(({ cursor, ...row }) => ({ ...fromRow(row), cursor }));
}

/** Every change of a subscription, newest first. @param page `before`: only changes with a smaller number. */
export async function listChanges(
  client: Queryable,
  id: string,
  { limit, before }: { readonly limit: number; readonly before?: number | undefined },
): Promise<ListedChange[]> {
  const { rows } = await client.query<ListedChange>(
    `SELECT ${CHANGE}, withdrawal.withdrawn_by AS "withdrawnBy", withdrawal.withdrawn_at AS "withdrawnAt",
       CASE WHEN withdrawal.number IS NOT NULL THEN 'withdrawn'
         WHEN change.number > applied_number THEN 'pending' ELSE 'in_effect' END AS state
     FROM subscription_changes change
     JOIN subscriptions ON subscriptions.id = change.subscription_id
     LEFT JOIN subscription_withdrawals withdrawal USING (subscription_id, number)
     WHERE change.subscription_id = $1 AND ($2::integer IS NULL OR change.number < $2)
     ORDER BY change.number DESC LIMIT $3`,
    [id, before ?? null, limit],
  );
  return rows;
}

function fromRow({ pending, ...row }: SubscriptionRow): Subscription {
  return {
    ...row,
    pending: pending.map(withDate),
  };
}

/** JSON of Postgres has instants as text. */
function withDate(change: TimelineChange<string>): TimelineChange {
  return { ...change, effectiveAt: new Date(change.effectiveAt) };
}
