/** Calls about the catalogue. Anyone may read it; writing takes an operator of all tenants. */
import type {
  Customer,
  CustomerFields,
  CustomersPage,
  CustomersQuery,
  NewPrice,
  Price,
  PricesPage,
  PricesQuery,
  Product,
  ProductFields,
  ProductsPage,
  ProductsQuery,
  Unit,
  UnitFields,
  UnitsPage,
  UnitsQuery,
} from './catalog-types.ts';
import { collect, follow } from './paging.ts';
import type { Transport } from './transport.ts';

export interface CatalogCalls {
  readonly customers: {
    /**
     * Creates or replaces a customer; members that are left out are removed. Orders that are priced already keep the
     * customer as it was. Safe to repeat.
     *
     * @param id 1 to 100 characters.
     * @throws PulseApiError Such as 409 PULSE_API_TENANT_TAKEN: another customer has the tenant.
     */
    put(id: string, customer: CustomerFields): Promise<Customer>;
    get(id: string): Promise<Customer>;
    /** One page, by ascending id. */
    page(query?: CustomersQuery): Promise<CustomersPage>;
    /** All of them, page after page. */
    all(query?: CustomersQuery): AsyncIterableIterator<Customer>;
  };
  readonly products: {
    /**
     * Creates or replaces a product; members that are left out get their defaults. Safe to repeat.
     *
     * @param sku 1 to 100 characters.
     * @throws PulseApiError Such as 400: the unit is unknown.
     */
    put(sku: string, product: ProductFields): Promise<Product>;
    get(sku: string): Promise<Product>;
    /** One page, by ascending SKU. */
    page(query?: ProductsQuery): Promise<ProductsPage>;
    /** All of them, page after page. */
    all(query?: ProductsQuery): AsyncIterableIterator<Product>;
  };
  readonly prices: {
    /**
     * Adds a price; prices are never changed. If there was no answer, repeat it: 409 PULSE_API_PRICE_EXISTS then says
     * that a price of this currency and instant is there.
     *
     * @throws PulseApiError Such as 404: there is no such product.
     */
    add(sku: string, price: NewPrice): Promise<Price>;
    /** All prices of a product, the newest first. */
    list(sku: string): Promise<readonly Price[]>;
    /** One page of them. */
    page(sku: string, query?: PricesQuery): Promise<PricesPage>;
  };
  readonly units: {
    /**
     * Adds a unit; a unit is never changed. Safe to repeat.
     *
     * @param unit 1 to 64 characters without `·`.
     * @throws PulseApiError Such as 409 PULSE_API_UNIT_EXISTS: it is there with another factor.
     */
    put(unit: string, fields: UnitFields): Promise<Unit>;
    /** All units, by dimension and name. */
    list(): Promise<readonly Unit[]>;
    /** One page of them. */
    page(query?: UnitsQuery): Promise<UnitsPage>;
  };
}

export function createCatalogCalls(transport: Transport): CatalogCalls {
  const customersPage = (query: CustomersQuery = {}) =>
    transport.request<CustomersPage>('GET', '/customers', { query: { ...query } });
  const productsPage = (query: ProductsQuery = {}) =>
    transport.request<ProductsPage>('GET', '/products', { query: { ...query } });
  const pricesPage = (sku: string, query: PricesQuery = {}) =>
    transport.request<PricesPage>('GET', `${pathOf('products', sku)}/prices`, {
      query: { ...query },
    });
  const unitsPage = (query: UnitsQuery = {}) =>
    transport.request<UnitsPage>('GET', '/units', { query: { ...query } });
  const pathOf = (folder: string, name: string) => `/${folder}/${encodeURIComponent(name)}`;

  return {
    customers: {
      put: (id, json) => transport.request('PUT', pathOf('customers', id), { json }),
      get: (id) => transport.request('GET', pathOf('customers', id)),
      page: customersPage,
      all: (query) => follow(customersPage, query),
    },
    products: {
      put: (sku, json) => transport.request('PUT', pathOf('products', sku), { json }),
      get: (sku) => transport.request('GET', pathOf('products', sku)),
      page: productsPage,
      all: (query) => follow(productsPage, query),
    },
    prices: {
      add: (sku, json) => transport.request('POST', `${pathOf('products', sku)}/prices`, { json }),
      list: (sku) => collect(follow((query: PricesQuery) => pricesPage(sku, query))),
      page: pricesPage,
    },
    units: {
      put: (unit, json) => transport.request('PUT', pathOf('units', unit), { json }),
      list: () => collect(follow(unitsPage)),
      page: unitsPage,
    },
  };
}
