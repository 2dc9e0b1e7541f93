/** The catalogue over HTTP: customers, products, prices, units. */
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS } from '../http/caller.ts';
import { toKeyPage } from '../http/key-page.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { setPutOutcome } from '../http/change-outcome.ts';
import { readAsTenants, type ScopedPool, workAsOwner } from '../platform/scoped-postgres.ts';
import { CATALOG_PROBLEMS } from './catalog-problems.ts';
import { fromPrice, fromUnit, toCustomer, toPrice, toProduct, toUnit } from './catalog-json.ts';
import {
  listCustomers,
  listProducts,
  listUnits,
  readCustomer,
  readProducts,
  unitPlace,
} from './catalog-query.ts';
import {
  addPriceSchema,
  getCustomerSchema,
  getProductSchema,
  listCustomersSchema,
  listPricesSchema,
  listProductsSchema,
  listUnitsSchema,
  putCustomerSchema,
  putProductSchema,
  putUnitSchema,
} from './catalog-schema.ts';
import { addPrice, addUnit, changeCustomer, changeProduct } from './change-catalog.ts';
import { pricesPage } from './prices-query.ts';
import { LIST_LIMIT_DEFAULT, WHOLE_LIMIT_DEFAULT } from './schema-terms.ts';

export function createCatalogModule(pool: ScopedPool): ApiModule {
  return {
    tag: { name: 'catalog', description: 'Customers, products, prices and units.' },
    problems: CATALOG_PROBLEMS,
    addRoutes(api) {
      addCustomers(api, pool);
      addProducts(api, pool);
      addPrices(api, pool);
      addUnits(api, pool);
    },
  };
}

const READ = { roles: READERS } as const;
const READ_ONE = { ...READ, conditional: true } as const;
/** The catalogue belongs to no tenant. */
const WRITE = { roles: OPERATORS, allTenants: true } as const;

function addCustomers(api: Api, pool: ScopedPool): void {
  api.put(
    '/customers/:id',
    { schema: putCustomerSchema, config: WRITE },
    async (request, reply) => {
      const customer = toCustomer(request.params.id, request.body);
      const outcome = await workAsOwner(pool, request.user.tenants, (client) =>
        changeCustomer(client, customer),
      );
      setPutOutcome(request, reply, outcome);
      return customer;
    },
  );

  const one = { schema: getCustomerSchema, config: READ_ONE };
  api.get('/customers/:id', one, async ({ params, user }) => {
    const customer = await readAsTenants(pool, user.tenants, (client) =>
      readCustomer(client, params.id),
    );
    return customer ?? notFound('customer');
  });

  api.get('/customers', { schema: listCustomersSchema, config: READ }, async (request, reply) => {
    const { limit = LIST_LIMIT_DEFAULT, after, tenant } = request.query;
    const scope = request.user.tenants;
    const rows = await readAsTenants(pool, scope, (client) =>
      listCustomers(client, { limit: limit + 1, after, tenant, scope }),
    );
    return toKeyPage(reply, rows, {
      limit,
      path: `${api.prefix}/customers`,
      filters: { tenant },
      key: ({ id }) => id,
    });
  });
}

function addProducts(api: Api, pool: ScopedPool): void {
  api.put('/products/:sku', { schema: putProductSchema, config: WRITE }, async (request, reply) => {
    const product = toProduct(request.params.sku, request.body);
    const outcome = await workAsOwner(pool, request.user.tenants, (client) =>
      changeProduct(client, product),
    );
    setPutOutcome(request, reply, outcome);
    return product;
  });

  const one = { schema: getProductSchema, config: READ_ONE };
  api.get('/products/:sku', one, async ({ params, user }) => {
    const products = await readAsTenants(pool, user.tenants, (client) =>
      readProducts(client, [params.sku]),
    );
    return products.get(params.sku) ?? notFound('product');
  });

  api.get('/products', { schema: listProductsSchema, config: READ }, async (request, reply) => {
    const { limit = LIST_LIMIT_DEFAULT, after } = request.query;
    const rows = await readAsTenants(pool, request.user.tenants, (client) =>
      listProducts(client, { limit: limit + 1, after }),
    );
    return toKeyPage(reply, rows, { limit, path: `${api.prefix}/products`, key: ({ sku }) => sku });
  });
}

function addPrices(api: Api, pool: ScopedPool): void {
  api.post(
    '/products/:sku/prices',
    { schema: addPriceSchema, config: WRITE },
    async (request, reply) => {
      const price = toPrice(request.params.sku, request.body);
      const createdBy = actorNameOf(request.user);
      await workAsOwner(pool, request.user.tenants, async (client) => {
        if (!(await addPrice(client, price, createdBy))) notFound('product');
      });
      void reply.code(201);
      return fromPrice(price);
    },
  );

  const list = { schema: listPricesSchema, config: READ };
  api.get('/products/:sku/prices', list, async (request, reply) => {
    const { sku } = request.params;
    const { limit = WHOLE_LIMIT_DEFAULT, after } = request.query;
    const rows = await readAsTenants(pool, request.user.tenants, async (client) => {
      if (!(await readProducts(client, [sku])).has(sku)) notFound('product');
      return pricesPage(client, sku, { limit: limit + 1, after });
    });
    const path = `${api.prefix}/products/${encodeURIComponent(sku)}/prices`;
    const { data, next } = toKeyPage(reply, rows, { limit, path, key: ({ cursor }) => cursor });
    return { data: data.map(({ price }) => fromPrice(price)), next };
  });
}

function addUnits(api: Api, pool: ScopedPool): void {
  api.get('/units', { schema: listUnitsSchema, config: READ }, async (request, reply) => {
    const { limit = WHOLE_LIMIT_DEFAULT, after } = request.query;
    const rows = await readAsTenants(pool, request.user.tenants, (client) =>
      listUnits(client, { limit: limit + 1, after }),
    );
    const path = `${api.prefix}/units`;
    const { data, next } = toKeyPage(reply, rows, { limit, path, key: unitPlace });
    return { data: data.map(fromUnit), next };
  });

  api.put('/units/:unit', { schema: putUnitSchema, config: WRITE }, async (request, reply) => {
    const unit = toUnit(request.params.unit, request.body);
    const outcome = await workAsOwner(pool, request.user.tenants, (client) =>
      addUnit(client, unit),
    );
    setPutOutcome(request, reply, outcome);
    return fromUnit(unit);
  });
}

function notFound(what: string): never {
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: `There is no ${what} with this name.`,
  });
}
