/** The catalogue over HTTP: customers, products, prices, units. */
import type { FastifyReply } from 'fastify';
import { DatabaseError, type Pool } from 'pg';
import { parseTimestamp } from '../core/timestamp.ts';
import type { Api, ApiModule } from '../http/api-module.ts';
import { actorNameOf, OPERATORS, READERS } from '../http/caller.ts';
import { nextLink } from '../http/page-links.ts';
import { HTTP_PROBLEMS, invalidField, ProblemError } from '../http/problems.ts';
import { withTransaction } from '../platform/postgres.ts';
import { readAsTenants } from '../platform/scoped-postgres.ts';
import { CATALOG_PROBLEMS } from './catalog-problems.ts';
import {
  insertUnit,
  listCustomers,
  listProducts,
  putCustomer,
  putProduct,
  readCustomer,
  readProducts,
  readUnits,
} from './catalog-query.ts';
import {
  addPriceSchema,
  getCustomerSchema,
  getProductSchema,
  LIST_LIMIT_DEFAULT,
  listCustomersSchema,
  listPricesSchema,
  listProductsSchema,
  listUnitsSchema,
  putCustomerSchema,
  putProductSchema,
  putUnitSchema,
} from './catalog-schema.ts';
import { insertPrice, listPrices } from './prices-query.ts';
import { tierProblem, type Price } from './prices.ts';
import { measureOf, parseFactor, type Unit } from './units.ts';

/** The catalogue. */
export function createCatalogModule(pool: Pool): ApiModule {
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
const UNIQUE_VIOLATION = '23505';

function addCustomers(api: Api, pool: Pool): void {
  api.put(
    '/customers/:id',
    { schema: putCustomerSchema, config: WRITE },
    async (request, reply) => {
      const { name, email = null, tenant = null } = request.body;
      const customer = { id: request.params.id, name, email, tenant };
      const isNew = await withTransaction(pool, (client) => putCustomer(client, customer)).catch(
        (error: unknown) => {
          if (!(error instanceof DatabaseError) || error.code !== UNIQUE_VIOLATION) throw error;
          throw new ProblemError(CATALOG_PROBLEMS.PULSE_API_TENANT_TAKEN, { cause: error });
        },
      );
      void reply.code(isNew ? 201 : 200);
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
    return toPage(reply, rows, {
      limit,
      path: `${api.prefix}/customers`,
      filters: { tenant },
      key: ({ id }) => id,
    });
  });
}

function addProducts(api: Api, pool: Pool): void {
  api.put('/products/:sku', { schema: putProductSchema, config: WRITE }, async (request, reply) => {
    const { name, unit, active = true, recurring = false } = request.body;
    const product = { sku: request.params.sku, name, unit, active, recurring };
    const isNew = await withTransaction(pool, async (client) => {
      const measure = measureOf(unit, await readUnits(client));
      if ('problem' in measure) throw invalidField('unit', measure.problem);
      return putProduct(client, product);
    });
    void reply.code(isNew ? 201 : 200);
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
    return toPage(reply, rows, { limit, path: `${api.prefix}/products`, key: ({ sku }) => sku });
  });
}

function addPrices(api: Api, pool: Pool): void {
  api.post(
    '/products/:sku/prices',
    { schema: addPriceSchema, config: WRITE },
    async (request, reply) => {
      const price = toPrice(request.params.sku, request.body);
      await withTransaction(pool, async (client) => {
        if (!(await readProducts(client, [price.sku])).has(price.sku)) notFound('product');
        const createdBy = actorNameOf(request.user);
        if (await insertPrice(client, price, createdBy)) return;
        throw new ProblemError(CATALOG_PROBLEMS.PULSE_API_PRICE_EXISTS);
      });
      void reply.code(201);
      return priceToApi(price);
    },
  );

  const list = { schema: listPricesSchema, config: READ };
  api.get('/products/:sku/prices', list, async ({ params, user }) => {
    const { sku } = params;
    return readAsTenants(pool, user.tenants, async (client) => {
      if (!(await readProducts(client, [sku])).has(sku)) notFound('product');
      return { data: (await listPrices(client, sku)).map(priceToApi) };
    });
  });
}

function addUnits(api: Api, pool: Pool): void {
  api.get('/units', { schema: listUnitsSchema, config: READ }, async ({ user }) => {
    const units = await readAsTenants(pool, user.tenants, readUnits);
    return { data: [...units.values()].map(unitToApi) };
  });

  api.put('/units/:unit', { schema: putUnitSchema, config: WRITE }, async (request, reply) => {
    const { unit: name } = request.params;
    const { dimension } = request.body;
    if (name.includes('·')) throw invalidField('unit', 'must not contain `·`');
    const factor = parseFactor(request.body.factor);
    if (factor === undefined)
      throw invalidField('factor', 'must be a positive decimal or a fraction');
    const unit = { unit: name, dimension, ...factor };
    const isNew = await withTransaction(pool, async (client) => {
      if (await insertUnit(client, unit)) return true;
      const known = (await readUnits(client)).get(name);
      if (known !== undefined && isSame(known, unit)) return false;
      throw new ProblemError(CATALOG_PROBLEMS.PULSE_API_UNIT_EXISTS);
    });
    void reply.code(isNew ? 201 : 200);
    return unitToApi(unit);
  });
}

function isSame(one: Unit, other: Unit): boolean {
  return (
    one.dimension === other.dimension &&
    one.numerator * other.denominator === other.numerator * one.denominator
  );
}

function notFound(what: string): never {
  throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
    detail: `There is no ${what} with this name.`,
  });
}

function toPage<Row>(
  reply: Pick<FastifyReply, 'header'>,
  rows: readonly Row[],
  {
    limit,
    path,
    filters = {},
    key,
  }: {
    readonly limit: number;
    readonly path: string;
    readonly filters?: Readonly<Record<string, string | undefined>>;
    readonly key: (row: Row) => string;
  },
) {
  const data = rows.slice(0, limit);
  const last = rows.length > limit ? data.at(-1) : undefined;
  const next = last === undefined ? null : key(last);
  if (next !== null) {
    void reply.header('link', nextLink(path, { ...filters, limit, after: next }));
  }
  return { data, next };
}

interface PriceBody {
  readonly currency: string;
  readonly unit_amount: string;
  readonly valid_from: string;
  readonly tiers?: {
    readonly mode: 'graduated' | 'volume';
    readonly steps: readonly { readonly up_to: number | null; readonly unit_amount: string }[];
  } | null;
}

function toPrice(sku: string, body: PriceBody): Price {
  const validFromMs = parseTimestamp(body.valid_from);
  if (validFromMs === undefined) throw invalidField('valid_from', 'must be an RFC 3339 instant');
  const { tiers = null } = body;
  const steps = tiers?.steps.map((step) => ({ upTo: step.up_to, unitAmount: step.unit_amount }));
  const problem = steps === undefined ? undefined : tierProblem(steps);
  if (problem !== undefined) throw invalidField('tiers.steps', problem);
  return {
    sku,
    currency: body.currency,
    unitAmount: body.unit_amount,
    validFrom: new Date(validFromMs),
    tiers: tiers === null ? null : { mode: tiers.mode, steps: steps ?? [] },
  };
}

function priceToApi({ sku, currency, unitAmount, validFrom, tiers }: Price) {
  const steps = tiers?.steps.map((step) => ({ up_to: step.upTo, unit_amount: step.unitAmount }));
  return {
    sku,
    currency,
    unit_amount: unitAmount,
    valid_from: validFrom.toISOString(),
    tiers: tiers === null ? null : { mode: tiers.mode, steps: steps ?? [] },
  };
}

function unitToApi({ unit, dimension, numerator, denominator }: Unit) {
  const factor = denominator === 1n ? String(numerator) : `${numerator}/${denominator}`;
  return { unit, dimension, factor };
}
