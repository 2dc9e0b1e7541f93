/** Exports the catalogue, as an import reads it. */
import type { Pool } from 'pg';
import { withTransaction } from '../platform/postgres.ts';
import { fromPrice, fromUnit } from './catalog-json.ts';
import { listCustomers, listProducts, readUnits } from './catalog-query.ts';
import type { CatalogKind } from './catalog-file.ts';
import { listPrices } from './prices-query.ts';

const PAGE_ROWS = 1_000;
const READ_ONLY = 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY';

export type ExportedCatalog = Readonly<Record<CatalogKind, readonly object[]>>;

/** All of the catalogue as it stands at one instant. */
export function exportCatalog(pool: Pool): Promise<ExportedCatalog> {
  return withTransaction(
    pool,
    async (client) => {
      const units = [...(await readUnits(client)).values()].map(fromUnit);
      const customers = await readAll(
        (after) => listCustomers(client, { limit: PAGE_ROWS, after, scope: 'all' }),
        ({ id }) => id,
      );
      const products = await readAll(
        (after) => listProducts(client, { limit: PAGE_ROWS, after }),
        ({ sku }) => sku,
      );
      const prices: object[] = [];
      for (let from = 0; from < products.length; from += PAGE_ROWS) {
        const skus = products.slice(from, from + PAGE_ROWS).map(({ sku }) => sku);
        for (const price of await listPrices(client, skus)) prices.push(fromPrice(price));
      }
      return { units, customers, products, prices };
    },
    READ_ONLY,
  );
}

async function readAll<Row>(
  read: (after: string | undefined) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const last = rows.at(-1);
    const page = await read(last === undefined ? undefined : keyOf(last));
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
  }
}
