/** Table prices: the only SQL on it. */
import type { ClientBase } from 'pg';
import type { Price, TierMode } from './prices.ts';

type Queryable = Pick<ClientBase, 'query'>;

interface PriceRow extends Omit<Price, 'tiers'> {
  readonly tiers: {
    readonly mode: TierMode;
    readonly steps: readonly { readonly up_to: number | null; readonly unit_amount: string }[];
  } | null;
}

const PRICE = `
  price.sku, price.currency, trim_scale(price.unit_amount)::text AS "unitAmount",
  price.valid_from AS "validFrom", price.tiers`;

/** The price of each SKU at an instant; SKUs without one are missing. */
export async function readPrices(
  client: Queryable,
  {
    skus,
    currency,
    at,
  }: { readonly skus: readonly string[]; readonly currency: string; readonly at: Date },
): Promise<ReadonlyMap<string, Price>> {
  const { rows } = await client.query<PriceRow>(
    `SELECT DISTINCT ON (sku) ${PRICE}
     FROM prices price WHERE sku = ANY($1) AND currency = $2 AND valid_from <= $3
     ORDER BY sku, valid_from DESC`,
    [skus, currency, at],
  );
  return new Map(rows.map((row) => [row.sku, fromRow(row)]));
}

/** All prices of some SKUs, by SKU, the newest first. */
export async function listPrices(client: Queryable, skus: readonly string[]): Promise<Price[]> {
  const { rows } = await client.query<PriceRow>(
    `SELECT ${PRICE} FROM prices price WHERE sku = ANY($1) ORDER BY sku, valid_from DESC, currency`,
    [skus],
  );
  return rows.map(fromRow);
}

/** Prices of a product, the newest first. @param page `after` is the cursor of the last row of the page before. */
export async function pricesPage(
  client: Queryable,
  sku: string,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
): Promise<{ readonly price: Price; readonly cursor: string }[]> {
  // Prices are never changed or deleted, so the last row of the page before is still where it was.
  const { rows } = await client.query<PriceRow & { cursor: string }>(
    `SELECT ${PRICE}, price.id::text AS cursor
     FROM prices price LEFT JOIN prices last ON last.id = $2
     WHERE price.sku = $1 AND ($2::bigint IS NULL OR price.valid_from < last.valid_from
       OR price.valid_from = last.valid_from AND price.currency > last.currency)
     ORDER BY price.valid_from DESC, price.currency LIMIT $3`,
    [sku, after ?? null, limit],
  );
  return rows.map(({ cursor, ...row }) => ({ price: fromRow(row), cursor }));
}

/** @returns False if a price in this currency starts at the same instant. */
export async function insertPrice(
  client: Queryable,
  { sku, currency, unitAmount, validFrom, tiers }: Price,
  createdBy: string,
): Promise<boolean> {
  const steps = tiers?.steps.map((step) => ({ up_to: step.upTo, unit_amount: step.unitAmount }));
  const { rowCount } = await client.query(
    `INSERT INTO prices (sku, currency, unit_amount, valid_from, tiers, created_by)
     VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (sku, currency, valid_from) DO NOTHING`,
    [
      sku,
      currency,
      unitAmount,
      validFrom,
      tiers === null ? null : JSON.stringify({ mode: tiers.mode, steps }),
      createdBy,
    ],
  );
  return rowCount === 1;
}

function fromRow({ tiers, ...row }: PriceRow): Price {
  if (tiers === null) return { ...row, tiers };
  const steps = tiers.steps.map(({ up_to, unit_amount }) => ({
    upTo: up_to,
    unitAmount: unit_amount,
  }));
  return { ...row, tiers: { mode: tiers.mode, steps } };
}
