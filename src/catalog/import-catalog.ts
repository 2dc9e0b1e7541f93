/** Imports a file into the catalogue: all of it or nothing, and reports every error with its line. */
import type { Pool, PoolClient } from 'pg';
import { formatNano, parseNano } from '../core/decimal.ts';
import { parseTimestamp } from '../core/timestamp.ts';
import { HTTP_PROBLEMS, ProblemError } from '../http/problems.ts';
import { createValidators } from '../http/validators.ts';
import { sleep } from '../platform/backoff.ts';
import { onlyRow, withTransaction } from '../platform/postgres.ts';
import {
  CATALOG_KINDS,
  readCatalogFile,
  type CatalogKind,
  type CatalogRow,
  type FileError,
} from './catalog-file.ts';
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
import { lengthProblems, rowProblems } from './row-problems.ts';

export const IMPORT_ROWS_MAX = 100_000;

const TURN_POLL_MS = 200;

/** How many rows of each table a file held; nothing is imported if there are errors. */
export interface ImportResult {
  readonly rowCounts: Readonly<Record<CatalogKind, number>>;
  readonly errors: readonly FileError[];
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

export interface ImportOptions {
  /** Who adds the prices. */
  readonly createdBy: string;
  /** Ends the import; nothing is imported. */
  readonly signal: AbortSignal;
  /** Called once if another import is in progress, which this one waits for. */
  readonly onWait: () => void;
}

/**
 * @param text The file.
 * @throws TransientError Postgres is unavailable or too busy. If it is too busy, nothing was imported.
 * @throws The reason of the signal.
 */
export async function importCatalog(
  pool: Pick<Pool, 'connect'>,
  text: string,
  { createdBy, signal, onWait }: ImportOptions,
): Promise<ImportResult> {
  const file = readCatalogFile(text);
  const rowCounts = Object.fromEntries(
    CATALOG_KINDS.map((kind) => [kind, file.rows.filter((row) => row.kind === kind).length]),
  ) as Record<CatalogKind, number>;
  const errors = [...file.errors];
  if (file.rows.length > IMPORT_ROWS_MAX) {
    const message = `has more than ${IMPORT_ROWS_MAX.toLocaleString('en')} rows: split the file`;
    return { rowCounts, errors: [{ line: 1, message }] };
  }
  const validators = createRowValidators();
  const lines = new Map<string, number>();
  await withTransaction(pool, async (client) => {
    await takeTurn(client, { signal, onWait });
    for (const kind of CATALOG_KINDS) {
      for (const row of file.rows) {
        if (row.kind !== kind) continue;
        signal.throwIfAborted();
        const identity = identityOf(row);
        const earlier = lines.get(identity);
        const messages = validators[kind](row.value);
        if (isReplaced(kind) && earlier !== undefined) {
          messages.push(`is in the file twice, first in line ${earlier}`);
        }
        if (messages.length === 0) {
          const problems = await storeRow(client, STORE[kind], row.value, createdBy);
          const hint = earlier === undefined ? '' : ` See line ${earlier}.`;
          messages.push(...problems.map((problem) => problem + hint));
        }
        if (messages.length === 0 || isReplaced(kind)) lines.set(identity, earlier ?? row.line);
        errors.push(...messages.map((message) => ({ line: row.line, message })));
      }
    }
    if (errors.length > 0) await client.query('ROLLBACK AND CHAIN');
  });
  return { rowCounts, errors: errors.sort((one, other) => one.line - other.line) };
}

/** Two imports at once would wait for each other's rows, and one of them would fail. */
async function takeTurn(
  client: PoolClient,
  { signal, onWait }: Pick<ImportOptions, 'signal' | 'onWait'>,
): Promise<void> {
  for (let count = 0; ; count++) {
    signal.throwIfAborted();
    // Asks again and again: a statement that waits would end at its timeout, before a large import.
    const { rows } = await client.query<{ isMine: boolean }>(
      `SELECT pg_try_advisory_xact_lock(hashtextextended('pulse catalog import', 0)) AS "isMine"`,
    );
    if (onlyRow(rows).isMine) return;
    if (count === 0) onWait();
    await sleep(TURN_POLL_MS, signal);
  }
}

/** The last of two rows would win silently. Units and prices never change: another value is refused. */
function isReplaced(kind: CatalogKind): boolean {
  return kind === 'customers' || kind === 'products';
}

/** The same for rows of the same thing. */
function identityOf({ kind, line, value }: CatalogRow): string {
  const row = (value ?? {}) as Readonly<Record<string, unknown>>;
  const { unit, id, sku, currency, valid_from: from } = row;
  const at = typeof from === 'string' ? parseTimestamp(from) : undefined;
  const key = { units: [unit], customers: [id], products: [sku], prices: [sku, currency, at] }[
    kind
  ];
  const isKnown = key.every((part) => typeof part === 'string' || typeof part === 'number');
  return JSON.stringify([kind, isKnown ? key : line]);
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
    // Without the release, the next savepoint is inside this one: each failing row would take memory in Postgres.
    await client.query('ROLLBACK TO SAVEPOINT row; RELEASE SAVEPOINT row');
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
        (row: unknown) => {
          const problems = typeof row === 'object' ? lengthProblems(row) : [];
          if (problems.length > 0 || validate(row) === true) return problems;
          return rowProblems(validate.errors ?? []);
        },
      ];
    }),
  ) as unknown as Record<CatalogKind, (row: unknown) => string[]>;
}

/** Decimals are compared by value: 0.1 is 0.10. */
function isSame(one: Price, other: Price): boolean {
  return JSON.stringify(amountsOf(one)) === JSON.stringify(amountsOf(other));
}

function amountsOf({ unitAmount, tiers }: Price) {
  const decimal = (text: string): string => formatNano(parseNano(text));
  const steps = tiers?.steps.map((step) => [step.upTo, decimal(step.unitAmount)]);
  return [decimal(unitAmount), tiers?.mode, steps];
}
