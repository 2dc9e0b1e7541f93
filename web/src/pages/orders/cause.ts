/** Where the cause of a failed order is repaired. */
import type { components } from '../../api/schema.d.ts';

type Order = Pick<components['schemas']['Order'], 'customer_id' | 'items' | 'failure'>;

export interface Repair {
  readonly path: string;
  readonly text: string;
}

export function productPath(sku: string): string {
  return `/catalogue/products/${encodeURIComponent(sku)}`;
}

/** Undefined: no page of the console repairs it. */
export function repairOf({ customer_id, items, failure }: Order): Repair | undefined {
  if (failure === null) return undefined;
  const { code, detail } = failure;
  // The detail names it between quotes.
  const sku = items.find((item) => detail.includes(`"${item.sku}"`))?.sku;
  switch (code) {
    case 'unknown_customer':
      return {
        path: `/catalogue?tab=customers&add=${encodeURIComponent(customer_id)}`,
        text: `Add the customer ${customer_id}`,
      };
    case 'unknown_sku':
      if (sku === undefined) return undefined;
      return {
        path: `/catalogue?tab=products&add=${encodeURIComponent(sku)}`,
        text: `Add the product ${sku}`,
      };
    case 'no_price':
      if (sku === undefined) return undefined;
      return { path: productPath(sku), text: `Add a price to the product ${sku}` };
    case 'inactive_product':
      if (sku === undefined) return undefined;
      return { path: productPath(sku), text: `Make the product ${sku} active` };
    default:
      return undefined;
  }
}
