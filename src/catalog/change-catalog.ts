/** Changes of the catalogue, with the checks that need its tables. Each runs in the caller's transaction. */
import { DatabaseError, type ClientBase } from 'pg';
import { invalidField, ProblemError } from '../http/problems.ts';
import type { PutOutcome } from '../http/change-outcome.ts';
import { CATALOG_PROBLEMS } from './catalog-problems.ts';
import {
  insertUnit,
  putCustomer,
  putProduct,
  readProducts,
  readUnits,
  type Customer,
  type Product,
} from './catalog-query.ts';
import { insertPrice } from './prices-query.ts';
import type { Price } from './prices.ts';
import { factorsOf, measureOf, type Unit } from './units.ts';

type Queryable = Pick<ClientBase, 'query'>;

const UNIQUE_VIOLATION = '23505';

/** @throws ProblemError 409 another customer has the tenant; the transaction has failed. */
export async function changeCustomer(client: Queryable, customer: Customer): Promise<PutOutcome> {
  return await putCustomer(client, customer).catch((error: unknown) => {
    if (!(error instanceof DatabaseError) || error.code !== UNIQUE_VIOLATION) throw error;
    throw new ProblemError(CATALOG_PROBLEMS.PULSE_API_TENANT_TAKEN, {
      detail: `Tenant "${customer.tenant ?? ''}" can belong to one customer only.`,
      cause: error,
    });
  });
}

/** @throws ProblemError 400 the unit is unknown. */
export async function changeProduct(client: Queryable, product: Product): Promise<PutOutcome> {
  const measure = measureOf(product.unit, await readUnits(client, factorsOf(product.unit)));
  if ('problem' in measure) throw invalidField('unit', measure.problem);
  return await putProduct(client, product);
}

/**
 * @returns False if there is no such product.
 * @throws ProblemError 409 another price of the currency starts at the same instant.
 */
export async function addPrice(
  client: Queryable,
  price: Price,
  createdBy: string,
): Promise<boolean> {
  if (!(await readProducts(client, [price.sku])).has(price.sku)) return false;
  if (await insertPrice(client, price, createdBy)) return true;
  throw priceExists(price);
}

/** The refusal of a price that starts at the same moment as another. */
export function priceExists({ sku, currency, validFrom }: Price): ProblemError {
  return new ProblemError(CATALOG_PROBLEMS.PULSE_API_PRICE_EXISTS, {
    detail: `Product ${sku} has a price in ${currency} from ${validFrom.toISOString()} on, which never changes.`,
  });
}

/** @throws ProblemError 409 it is there with another factor. */
export async function addUnit(
  client: Queryable,
  unit: Unit,
): Promise<Exclude<PutOutcome, 'changed'>> {
  if (await insertUnit(client, unit)) return 'created';
  const known = (await readUnits(client, [unit.unit])).get(unit.unit);
  if (known !== undefined && isSame(known, unit)) return 'unchanged';
  throw new ProblemError(CATALOG_PROBLEMS.PULSE_API_UNIT_EXISTS, {
    detail: `Unit "${unit.unit}" is known, and its factor never changes.`,
  });
}

function isSame(one: Unit, other: Unit): boolean {
  return (
    one.dimension === other.dimension &&
    one.numerator * other.denominator === other.numerator * one.denominator
  );
}
