/** Tables orders, order_items, order_enrichments, order_changes and ordered_quantities: the only SQL on them. */
import type { ClientBase } from 'pg';
import { tenantOfCustomer } from '../catalog/catalog.ts';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { pageOfTenants } from '../platform/page-of-tenants.ts';
import {
  mayBecome,
  type NewOrder,
  type Order,
  type OrderChange,
  type OrderHead,
  type OrderItem,
  type OrderStatus,
} from './orders.ts';

type Queryable = Pick<ClientBase, 'query'>;

const HEAD = `
  id, customer_id AS "customerId", status, currency, trim_scale(total_amount)::text AS "totalAmount",
  failure_code AS "failureCode", failure_detail AS "failureDetail", tenant, version,
  enriched_at IS NOT NULL AS "isEnriched", created_at AS "createdAt", updated_at AS "updatedAt"`;

type HeadRow = Omit<OrderHead, 'failure'> & {
  readonly failureCode: string | null;
  readonly failureDetail: string | null;
};

/**
 * Inserts a pending order with its items.
 *
 * @returns The tenant of its customer; null if the customer has none or is unknown.
 */
export async function insertOrder(client: Queryable, order: NewOrder): Promise<string | null> {
  const { id, customerId, items, currency, createdBy } = order;
  const { rows } = await client.query<{ tenant: string | null }>(
    `WITH created AS (
       INSERT INTO orders (id, customer_id, status, currency, tenant, created_by)
       VALUES ($1, $2, 'pending', $3, ${tenantOfCustomer('$2')}, $4)
       RETURNING tenant
     ), noted AS (
       INSERT INTO order_changes (order_id, version, status, reason) VALUES ($1, 1, 'pending', 'created')
     ), listed AS (
       INSERT INTO order_items (order_id, position, sku, qty)
       SELECT $1, item.position - 1, item.sku, item.qty
       FROM unnest($5::text[], $6::integer[]) WITH ORDINALITY AS item(sku, qty, position)
     )
     SELECT tenant FROM created`,
    [id, customerId, currency, createdBy, items.map(({ sku }) => sku), items.map(({ qty }) => qty)],
  );
  return rows[0]?.tenant ?? null;
}

/** Locks an order until the transaction ends. */
export async function lockOrder(client: Queryable, id: string): Promise<OrderHead | undefined> {
  const { rows } = await client.query<HeadRow>(
    `SELECT ${HEAD} FROM orders WHERE id = $1 FOR UPDATE`,
    [id],
  );
  return rows[0] === undefined ? undefined : fromRow(rows[0]);
}

/** What a change of state says of itself. */
export interface StateChange {
  readonly to: OrderStatus;
  readonly reason: string;
  readonly detail?: string;
}

/**
 * Changes the state of a locked order and notes it in the history.
 *
 * @throws RangeError The state does not allow it: a defect of the caller.
 */
export async function changeState(
  client: Queryable,
  { id, status }: Pick<OrderHead, 'id' | 'status'>,
  { to, reason, detail }: StateChange,
): Promise<void> {
  if (!mayBecome(status, to)) throw new RangeError(`An order cannot go from ${status} to ${to}.`);
  const isFailure = to === 'failed';
  await client.query(
    `WITH changed AS (
       UPDATE orders
       SET status = $2, version = version + 1, updated_at = clock_timestamp(),
           failure_code = CASE WHEN $5 THEN $3::text END, failure_detail = CASE WHEN $5 THEN $4::text END
       WHERE id = $1 RETURNING version
     )
     INSERT INTO order_changes (order_id, version, status, reason, detail)
     SELECT $1, version, $2, $3, $4 FROM changed`,
    [id, to, reason, detail ?? null, isFailure],
  );
}

/** What the enrichment found out about an order. */
export interface Enrichment {
  readonly items: readonly { readonly unitAmount: string; readonly amount: string }[];
  readonly totalAmount: string;
  readonly customer: object;
  readonly tenant: string | null;
  /** The answer of the external service. */
  readonly data: unknown;
}

/** Freezes price and customer on a locked order, and notes it. */
export async function insertEnrichment(
  client: Queryable,
  id: string,
  { items, totalAmount, customer, tenant, data }: Enrichment,
): Promise<void> {
  await client.query('INSERT INTO order_enrichments (order_id, data) VALUES ($1, $2::jsonb)', [
    id,
    data === undefined ? null : JSON.stringify(data),
  ]);
  await client.query(
    `UPDATE order_items SET unit_amount = priced.unit_amount, amount = priced.amount
     FROM unnest($2::numeric[], $3::numeric[]) WITH ORDINALITY AS priced(unit_amount, amount, place)
     WHERE order_id = $1 AND position = place - 1`,
    [id, items.map(({ unitAmount }) => unitAmount), items.map(({ amount }) => amount)],
  );
  await client.query(
    `WITH changed AS (
       UPDATE orders
       SET total_amount = $2, customer = $3::jsonb, tenant = $4, enriched_at = clock_timestamp(),
           version = version + 1, updated_at = clock_timestamp()
       WHERE id = $1 RETURNING version, status
     )
     INSERT INTO order_changes (order_id, version, status, reason)
     SELECT $1, version, status, 'enriched' FROM changed`,
    [id, totalAmount, JSON.stringify(customer), tenant],
  );
}

/** The items of an order, in the order of the request. */
export async function readItems(client: Queryable, id: string): Promise<OrderItem[]> {
  const { rows } = await client.query<OrderItem>(
    `SELECT sku, qty, trim_scale(unit_amount)::text AS "unitAmount", trim_scale(amount)::text AS amount
     FROM order_items WHERE order_id = $1 ORDER BY position`,
    [id],
  );
  return rows;
}

/** Whom the order belongs to and how new it is; undefined when the caller may not see it. */
export async function readVersion(client: Queryable, id: string): Promise<number | undefined> {
  const { rows } = await client.query<{ version: number }>(
    'SELECT version FROM orders WHERE id = $1',
    [id],
  );
  return rows[0]?.version;
}

/** A whole order. In one statement, so that its parts belong together. */
export async function readOrder(client: Queryable, id: string): Promise<Order | undefined> {
  const { rows } = await client.query<
    HeadRow & {
      items: OrderItem[];
      history: (Omit<OrderChange, 'at'> & { at: string })[];
      customer: Order['customer'];
      enrichment: unknown;
    }
  >(
    `SELECT ${HEAD}, customer,
       (SELECT json_agg(json_build_object('sku', sku, 'qty', qty, 'unitAmount', trim_scale(unit_amount)::text,
          'amount', trim_scale(amount)::text) ORDER BY position) FROM order_items WHERE order_id = id) AS items,
       (SELECT json_agg(json_build_object('version', version, 'status', status, 'reason', reason,
          'detail', detail, 'at', at) ORDER BY version) FROM order_changes WHERE order_id = id) AS history,
       (SELECT data FROM order_enrichments WHERE order_id = id) AS enrichment
     FROM orders WHERE id = $1`,
    [id],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { items, history, customer, enrichment, ...head } = row;
  return {
    ...fromRow(head),
    items,
    history: history.map((change) => ({ ...change, at: new Date(change.at) })),
    customer,
    enrichment,
  };
}

/** Which orders; what is undefined does not restrict. */
export interface OrderFilters {
  readonly scope: TenantScope;
  readonly customerId?: string | undefined;
  readonly status?: OrderStatus | undefined;
  readonly fromMs?: number | undefined;
  readonly toMs?: number | undefined;
}

/** Newest first. @param page `after` is the cursor of the last row of the page before. */
export async function listOrders(
  client: Queryable,
  filters: OrderFilters,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Promise<(OrderHead & { readonly cursor: string })[]> {
  const instant = (ms: number | undefined) => (ms === undefined ? null : new Date(ms));
  const order = 'created_at DESC, id DESC';
  const pageOf = (which: string, first: string) => `
    SELECT * FROM orders
    WHERE ${which} AND ($2::text IS NULL OR customer_id = $2)
      AND ($3::text IS NULL OR status = $3) AND ($4::timestamptz IS NULL OR created_at >= $4)
      AND ($5::timestamptz IS NULL OR created_at < $5)
      AND ($6::text IS NULL OR (created_at, id) < (timestamptz 'epoch' +
        split_part($6, '.', 1)::bigint * interval '1 microsecond', split_part($6, '.', 2)::uuid))
    ORDER BY ${first} ${order} LIMIT $7`;
  const tenants = tenantsOf(filters.scope);
  const page =
    tenants === undefined
      ? pageOf('$1::text[] IS NULL', '')
      : pageOfTenants(tenants, { order, limit: '$7', pageOf, direction: 'DESC' });
  const { rows } = await client.query<HeadRow & { cursor: string }>(
    `SELECT ${HEAD}, (extract(epoch FROM created_at) * 1000000)::bigint || '.' || id AS cursor
     FROM (${page}) page ORDER BY ${order}`,
    [
      tenants ?? null,
      filters.customerId ?? null,
      filters.status ?? null,
      instant(filters.fromMs),
      instant(filters.toMs),
      after ?? null,
      limit,
    ],
  );
  return rows.map(({ cursor, ...row }) => ({ ...fromRow(row), cursor }));
}

/**
 * Adds an order to what its customer has ordered in the calendar month (UTC) of now. Other orders of the same
 * products wait until the transaction ends, so two cannot both count as the first.
 *
 * @returns By SKU, how much was ordered before.
 */
export async function addMonthlyQuantities(
  client: Queryable,
  { orderId, customerId }: { readonly orderId: string; readonly customerId: string },
): Promise<ReadonlyMap<string, number>> {
  // Always in the order of the SKUs, so that two orders never wait for each other.
  const { rows } = await client.query<{ sku: string; before: string }>(
    `WITH added AS (
       INSERT INTO ordered_quantities AS known (customer_id, sku, month, qty)
       SELECT $1, sku, date_trunc('month', now() AT TIME ZONE 'UTC')::date, qty
       FROM order_items WHERE order_id = $2 ORDER BY sku
       ON CONFLICT (customer_id, sku, month) DO UPDATE SET qty = known.qty + EXCLUDED.qty
       RETURNING sku, qty
     )
     SELECT sku, added.qty - item.qty AS before
     FROM added JOIN order_items item USING (sku) WHERE item.order_id = $2`,
    [customerId, orderId],
  );
  return new Map(rows.map(({ sku, before }) => [sku, Number(before)]));
}

/** What a customer has ordered so far in the calendar month (UTC) of now, by SKU; what is missing is none. */
export async function readMonthlyQuantities(
  client: Queryable,
  { customerId, skus }: { readonly customerId: string; readonly skus: readonly string[] },
): Promise<ReadonlyMap<string, number>> {
  const { rows } = await client.query<{ sku: string; qty: string }>(
    `SELECT sku, qty FROM ordered_quantities
     WHERE customer_id = $1 AND sku = ANY($2)
       AND month = date_trunc('month', now() AT TIME ZONE 'UTC')::date`,
    [customerId, skus],
  );
  return new Map(rows.map(({ sku, qty }) => [sku, Number(qty)]));
}

function fromRow({ failureCode, failureDetail, ...row }: HeadRow): OrderHead {
  const failure =
    failureCode === null ? null : { code: failureCode, detail: failureDetail ?? failureCode };
  return { ...row, failure };
}
