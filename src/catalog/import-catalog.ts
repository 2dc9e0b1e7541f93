/** Imports a file into the catalogue: all of it or nothing, with every mistake and its line. */
import type { Pool, PoolClient } from 'pg';
import { parseNano } from '../core/decimal.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { fieldProblems } from '../http/validation.ts';
import { createValidators } from '../http/validators.ts';
import { withTransaction } from '../platform/postgres.ts';
import { CATALOG_KINDS, readCatalogFile, type CatalogKind, type Mistake } from './catalog-file.ts';
import {
  toCustomer,
  toPrice,
  toProduct,
  toUnit,
  type CustomerJson,
  type PriceJson,
  type ProductJson,
  type UnitJson,
} from './catalog-json.ts';
import { readProducts } from './catalog-query.ts';
import { ROW_SCHEMAS } from './catalog-rows-schema.ts';
import { addUnit, changeCustomer, changeProduct, priceExists } from './change-catalog.ts';
import { insertPrice, readPrices } from './prices-query.ts';
import type { Price } from './prices.ts';

export const IMPORT_ROWS_MAX = 100_000;

/** How many rows of each table a file held; nothing is imported if there are mistakes. */
export interface ImportResult {
  readonly rowCounts: Readonly<Record<CatalogKind, number>>;
  readonly mistakes: readonly Mistake[];
}

type Store = (client: PoolClient, row: never, createdBy: string) => Promise<unknown>;

const STORE: Readonly<Record<CatalogKind, Store>> = {
  units: (client, { unit, ...json }: UnitJson & { unit: string }) =>
    addUnit(client, toUnit(unit, json)),
  customers: (client, { id, ...json }: CustomerJson & { id: string }) =>
    changeCustomer(client, toCustomer(id, json)),
  products: (client, { sku, ...json }: ProductJson & { sku: string }) =>
    changeProduct(client, toProduct(sku, json)),
  prices: (client, { sku, ...json }: PriceJson & { sku: string }, createdBy) =>
    storePrice(client, toPrice(sku, json), createdBy),
};

/**
 * @param text The file.
 * @param createdBy Who adds the prices.
 * @throws TransientError Postgres is unavailable or too busy; nothing was imported.
 */
export async function importCatalog(
  pool: Pool,
  text: string,
  createdBy: string,
): Promise<ImportResult> {
  const file = readCatalogFile(text);
  const rowCounts = Object.fromEntries(
    CATALOG_KINDS.map((kind) => [kind, file.rows.filter((row) => row.kind === kind).length]),
  ) as Record<CatalogKind, number>;
  const mistakes = [...file.mistakes];
  if (file.rows.length > IMPORT_ROWS_MAX) {
    const message = `has more than ${IMPORT_ROWS_MAX.toLocaleString('en')} rows: split the file`;
    return { rowCounts, mistakes: [{ line: 1, message }] };
  }
  const validators = createRowValidators();
  await withTransaction(pool, async (client) => {
    for (const kind of CATALOG_KINDS) {
      for (const row of file.rows) {
        if (row.kind !== kind) continue;
        const messages = validators[kind](row.value);
        if (messages.length === 0) {
          messages.push(...(await storeRow(client, STORE[kind], row.value, createdBy)));
        }
        mistakes.push(...messages.map((message) => ({ line: row.line, message })));
      }
    }
    if (mistakes.length > 0) await client.query('ROLLBACK AND CHAIN');
  });
  return { rowCounts, mistakes: mistakes.sort((one, other) => one.line - other.line) };
}

/** A row that cannot be stored must not keep the rest from being checked. @returns What is wrong with it. */
async function storeRow(
  client: PoolClient,
  store: Store,
  row: unknown,
  createdBy: string,
): Promise<string[]> {
  await client.query('SAVEPOINT row');
  try {
    await store(client, row as never, createdBy);
    await client.query('RELEASE SAVEPOINT row');
    return [];
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    await client.query('ROLLBACK TO SAVEPOINT row');
    return [error.options.detail ?? error.message];
  }
}

/** The same price again changes nothing. */
async function storePrice(client: PoolClient, price: Price, createdBy: string): Promise<void> {
  const { sku, currency, validFrom } = price;
  if (!(await readProducts(client, [sku])).has(sku)) {
    throw new ProblemError(HTTP_PROBLEMS.PULSE_API_NOT_FOUND, {
      detail: `there is no product ${sku}`,
    });
  }
  if (await insertPrice(client, price, createdBy)) return;
  const prices = await readPrices(client, { skus: [sku], currency, at: validFrom });
  const known = prices.get(sku);
  if (known !== undefined && isSame(known, price)) return;
  throw priceExists(price);
}

/** Each returns what is wrong with a row, by the rules of the API. */
function createRowValidators(): Readonly<Record<CatalogKind, (row: unknown) => string[]>> {
  const compile = createValidators().buildValidator({}, {});
  return Object.fromEntries(
    CATALOG_KINDS.map((kind) => {
      const route = { schema: ROW_SCHEMAS[kind], method: 'PUT', url: kind, httpPart: 'body' };
      const validate = compile(route);
      return [
        kind,
        (row: unknown) =>
          validate(row) === true
            ? []
            : fieldProblems(validate.errors ?? [], 'the row').map(
                ({ field, message }) => `${field}: ${message}`,
              ),
      ];
    }),
  ) as unknown as Record<CatalogKind, (row: unknown) => string[]>;
}

function isSame(one: Price, other: Price): boolean {
  return (
    parseNano(one.unitAmount) === parseNano(other.unitAmount) &&
    JSON.stringify(one.tiers) === JSON.stringify(other.tiers)
  );
}
