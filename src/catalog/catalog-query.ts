/** Tables customers, products and units: the only SQL on them. */
import type { ClientBase } from 'pg';
import { tenantsOf, type TenantScope } from '../core/tenant-scope.ts';
import { outcomeOfUpsert, type PutOutcome } from '../http/change-outcome.ts';
import type { Unit } from './units.ts';

type Queryable = Pick<ClientBase, 'query'>;

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  /** The tenant whose pulses bill this customer; unique. */
  readonly tenant: string | null;
}

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly unit: string;
  /** Only active products may be ordered. */
  readonly active: boolean;
  /** Information for whoever bills. An order prices the product once either way. */
  readonly recurring: boolean;
}

/** One page: what comes after the key `after`, in ascending order. */
export interface CatalogPage {
  readonly limit: number;
  readonly after?: string | undefined;
}

const CUSTOMER = 'id, name, email, tenant';
const PRODUCT = 'sku, name, unit, active, recurring';
const UNIT = 'unit, dimension, numerator::text, denominator::text';

type UnitRow = Readonly<Record<'unit' | 'dimension' | 'numerator' | 'denominator', string>>;

/** The id of the customer whose pulses a tenant's are. */
export async function findCustomerOfTenant(
  client: Queryable,
  tenant: string,
): Promise<string | undefined> {
  const { rows } = await client.query<{ id: string }>(
    'SELECT id FROM customers WHERE tenant = $1',
    [tenant],
  );
  return rows[0]?.id;
}

interface CustomerRows {
  /** The column with the id of the customer. */
  readonly column: string;
  /** Which customers. */
  readonly which: string;
  /** At most so many. */
  readonly count: number;
  readonly order: string;
  readonly limit: string;
  /** SQL: the first `limit` rows in `order` for which a condition holds. */
  readonly pageOf: (condition: string) => string;
}

/** A page is read from the index of each. */
const FEW_CUSTOMERS = 20;

/**
 * SQL: the first rows of some customers. Those of few are read from the index of each: in the index of all customers,
 * any number of rows of others may come first. Those of many are likely to come early there.
 */
export function pageOfCustomers(rows: CustomerRows): string {
  const { column, which, order, limit, pageOf } = rows;
  if (rows.count > FEW_CUSTOMERS)
    return pageOf(`${column} = ANY(ARRAY(SELECT customers.id FROM customers WHERE ${which}))`);
  // The second condition only makes Postgres expect fewer rows. By the first alone, where one customer has nearly all, it
  // would walk through them in the index of all customers.
  const ofCustomer = `${column} = customers.id AND ${column} >= customers.id`;
  return `
    SELECT own.* FROM customers, LATERAL (${pageOf(ofCustomer)}) own
    WHERE ${which} ORDER BY ${order} LIMIT ${limit}`;
}

/** SQL for the tenant of a customer; null if there is none. @param id SQL for the id, such as a parameter. */
export function tenantOfCustomer(id: string): string {
  return `(SELECT tenant FROM customers WHERE id = ${id})`;
}

/** SQL for those ids of an array that customers have. @param ids SQL for the array, such as a parameter. */
export function knownCustomers(ids: string): string {
  return `ARRAY(SELECT id FROM customers WHERE id = ANY(${ids}::text[]))`;
}

/** Those of the customers that belong to the tenants. */
export async function customersAmong(
  client: Queryable,
  ids: readonly string[],
  tenants: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<Pick<Customer, 'id'>>(
    'SELECT id FROM customers WHERE id = ANY($1) AND tenant = ANY($2)',
    [ids, tenants],
  );
  return new Set(rows.map(({ id }) => id));
}

export async function readCustomer(client: Queryable, id: string): Promise<Customer | undefined> {
  const { rows } = await client.query<Customer>(`SELECT ${CUSTOMER} FROM customers WHERE id = $1`, [
    id,
  ]);
  return rows[0];
}

export async function listCustomers(
  client: Queryable,
  {
    limit,
    after,
    tenant,
    scope,
  }: CatalogPage & { tenant?: string | undefined; scope: TenantScope },
): Promise<Customer[]> {
  const { rows } = await client.query<Customer>(
    `SELECT ${CUSTOMER} FROM customers
     WHERE ($1::text[] IS NULL OR tenant = ANY($1)) AND ($2::text IS NULL OR tenant = $2)
       AND ($3::text IS NULL OR id > $3)
     ORDER BY id LIMIT $4`,
    [tenantsOf(scope) ?? null, tenant ?? null, after ?? null, limit],
  );
  return rows;
}

export async function putCustomer(
  client: Queryable,
  { id, name, email, tenant }: Customer,
): Promise<PutOutcome> {
  const { rows } = await client.query<{ isNew: boolean }>(
    `INSERT INTO customers AS known (id, name, email, tenant) VALUES ($1, $2, $3, $4)
     ON CONFLICT (id) DO UPDATE SET name = $2, email = $3, tenant = $4, updated_at = now(),
       changed_xid = pg_current_xact_id()
     WHERE (known.name, known.email, known.tenant) IS DISTINCT FROM ($2, $3, $4)
     RETURNING xmax = 0 AS "isNew"`,
    [id, name, email, tenant],
  );
  return outcomeOfUpsert(rows);
}

/** By SKU; those that do not exist are missing. */
export async function readProducts(
  client: Queryable,
  skus: readonly string[],
): Promise<ReadonlyMap<string, Product>> {
  const { rows } = await client.query<Product>(
    `SELECT ${PRODUCT} FROM products WHERE sku = ANY($1)`,
    [skus],
  );
  return new Map(rows.map((product) => [product.sku, product]));
}

export async function listProducts(
  client: Queryable,
  { limit, after, active }: CatalogPage & { active?: boolean | undefined },
): Promise<Product[]> {
  const { rows } = await client.query<Product>(
    `SELECT ${PRODUCT} FROM products
     WHERE ($1::boolean IS NULL OR active = $1) AND ($2::text IS NULL OR sku > $2)
     ORDER BY sku LIMIT $3`,
    [active ?? null, after ?? null, limit],
  );
  return rows;
}

export async function putProduct(client: Queryable, product: Product): Promise<PutOutcome> {
  const { sku, name, unit, active, recurring } = product;
  const { rows } = await client.query<{ isNew: boolean }>(
    `INSERT INTO products AS known (sku, name, unit, active, recurring) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (sku) DO UPDATE
     SET name = $2, unit = $3, active = $4, recurring = $5, updated_at = now()
     WHERE (known.name, known.unit, known.active, known.recurring) IS DISTINCT FROM ($2, $3, $4, $5)
     RETURNING xmax = 0 AS "isNew"`,
    [sku, name, unit, active, recurring],
  );
  return outcomeOfUpsert(rows);
}

/** By name. @param names Undefined: all. Those that do not exist are missing. */
export async function readUnits(
  client: Queryable,
  names?: readonly string[],
): Promise<ReadonlyMap<string, Unit>> {
  const { rows } = await client.query<UnitRow>(
    `SELECT ${UNIT} FROM units WHERE $1::text[] IS NULL OR unit = ANY($1) ORDER BY dimension, unit`,
    [names ?? null],
  );
  return new Map(rows.map((row) => [row.unit, fromUnitRow(row)]));
}

/** By dimension and name. @param page `after`: what `unitPlace` says of the last row of the page before. */
export async function listUnits(client: Queryable, { limit, after }: CatalogPage): Promise<Unit[]> {
  // A dimension has no dot.
  const { rows } = await client.query<UnitRow>(
    `SELECT ${UNIT} FROM units
     WHERE $1::text IS NULL OR (dimension, unit) > (split_part($1, '.', 1), substr($1, strpos($1, '.') + 1))
     ORDER BY dimension, unit LIMIT $2`,
    [after ?? null, limit],
  );
  return rows.map(fromUnitRow);
}

/** Where a unit stands in the list. */
export function unitPlace({ dimension, unit }: Pick<Unit, 'dimension' | 'unit'>): string {
  return `${dimension}.${unit}`;
}

/** Adds a unit. @returns False if there is one of this name: amounts may have been read with it. */
export async function insertUnit(client: Queryable, unit: Unit): Promise<boolean> {
  const { rowCount } = await client.query(
    `INSERT INTO units (unit, dimension, numerator, denominator) VALUES ($1, $2, $3, $4)
     ON CONFLICT (unit) DO NOTHING`,
    [unit.unit, unit.dimension, String(unit.numerator), String(unit.denominator)],
  );
  return rowCount === 1;
}

function fromUnitRow({ unit, dimension, numerator, denominator }: UnitRow): Unit {
  return { unit, dimension, numerator: BigInt(numerator), denominator: BigInt(denominator) };
}
