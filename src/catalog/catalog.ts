/** Customers, products and prices, as other domains may ask for them. */
import type { ClientBase } from 'pg';
import { readCustomer, readProducts, type Customer, type Product } from './catalog-query.ts';
import { readPrices } from './prices-query.ts';
import type { Price } from './prices.ts';

export {
  customersAmong,
  findCustomerOfTenant,
  knownCustomers,
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
