/** Customers, products and prices, as other domains may ask for them. */
import type { ClientBase } from 'pg';
import { includesTenant, type TenantScope } from '../core/tenant-scope.ts';
import { readAsTenants, type ScopedPool } from '../platform/scoped-postgres.ts';
import { readCustomer, readProducts, type Customer, type Product } from './catalog-query.ts';
import { readPrices } from './prices-query.ts';
import type { Price } from './prices.ts';

export {
  customersAmong,
  findCustomerOfTenant,
  knownCustomers,
  pageOfCustomers,
  tenantOfCustomer,
} from './catalog-query.ts';

type Queryable = Pick<ClientBase, 'query'>;

/** What a list of SKUs costs at an instant. */
export interface Offer {
  readonly products: ReadonlyMap<string, Product>;
  /** The latest price of each SKU that started before the instant; SKUs without one are missing. */
  readonly prices: ReadonlyMap<string, Price>;
}

export function findCustomer(client: Queryable, id: string): Promise<Customer | undefined> {
  return readCustomer(client, id);
}

/** A caller of some tenants may act only for their customers; a caller of all tenants for anybody, known or not. */
export async function mayActFor(
  pool: ScopedPool,
  scope: TenantScope,
  customerId: string,
): Promise<boolean> {
  if (scope === 'all') return true;
  const customer = await readAsTenants(pool, scope, (client) => readCustomer(client, customerId));
  const tenant = customer?.tenant ?? null;
  return tenant !== null && includesTenant(scope, tenant);
}

/** By SKU; those that do not exist are missing. */
export function findProducts(
  client: Queryable,
  skus: readonly string[],
): Promise<ReadonlyMap<string, Product>> {
  return readProducts(client, skus);
}

export async function findOffer(
  client: Queryable,
  {
    skus,
    currency,
    at,
  }: { readonly skus: readonly string[]; readonly currency: string; readonly at: Date },
): Promise<Offer> {
  const products = await readProducts(client, skus);
  const prices = await readPrices(client, { skus, currency, at });
  return { products, prices };
}
