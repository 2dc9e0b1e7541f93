/** The catalogue: customers, products, prices, units. */

export interface CustomerFields {
  /** 1 to 256 characters. */
  readonly name: string;
  readonly email?: string;
  /** The tenant whose pulses bill the customer; each tenant has at most one. */
  readonly tenant?: string;
}

export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string | null;
  readonly tenant: string | null;
}

export interface CustomersQuery {
  /** Only the customer of this tenant. */
  readonly tenant?: string;
  /** Rows on a page, 1 to 1,000. Default: 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface CustomersPage {
  readonly data: readonly Customer[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface ProductFields {
  /** 1 to 256 characters. */
  readonly name: string;
  /** A unit of `units.list`, or up to four of them joined by `·`, such as `GB·h`. */
  readonly unit: string;
  /** Whether it can be ordered. Default: true. */
  readonly active?: boolean;
  /** Information for whoever bills. An order prices the product once either way. Default: false. */
  readonly recurring?: boolean;
}

export interface Product {
  readonly sku: string;
  readonly name: string;
  readonly unit: string;
  readonly active: boolean;
  readonly recurring: boolean;
}

export interface ProductsQuery {
  /** Rows on a page, 1 to 1,000. Default: 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface ProductsPage {
  readonly data: readonly Product[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface NewPrice {
  /** ISO 4217, such as `EUR`. */
  readonly currency: string;
  /** Of one unit: a decimal string, at most 11 digits before and 9 after the point. */
  readonly unit_amount: string;
  /** From when it is the price, until the next one in the same currency starts. */
  readonly valid_from: string | Date;
  /** Prices by quantity; they then hold instead of `unit_amount`. */
  readonly tiers?: PriceTiers;
}

export interface PriceTiers {
  /** `graduated`: each unit costs what its tier says. `volume`: all cost what the month's tier says. */
  readonly mode: 'graduated' | 'volume';
  /** 1 to 50. `up_to` rises, and is null in the last alone. */
  readonly steps: readonly PriceStep[];
}

export interface PriceStep {
  /** The last unit of the tier in the calendar month (UTC), up to 1,000,000,000; null: no end. */
  readonly up_to: number | null;
  /** As that of the price. */
  readonly unit_amount: string;
}

export interface Price {
  readonly sku: string;
  readonly currency: string;
  readonly unit_amount: string;
  readonly valid_from: string;
  readonly tiers: PriceTiers | null;
}

export interface PricesQuery {
  /** Rows on a page, 1 to 1,000. Default: 1,000. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface PricesPage {
  readonly data: readonly Price[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface UnitFields {
  /** What it measures, such as `information`. Units convert only within one dimension. */
  readonly dimension: string;
  /** In base units of the dimension: a decimal such as `0.001`, or a fraction such as `1/8`. */
  readonly factor: string;
}

export interface Unit extends UnitFields {
  readonly unit: string;
}

export type UnitsQuery = PricesQuery;

export interface UnitsPage {
  readonly data: readonly Unit[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}
