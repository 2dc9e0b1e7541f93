/** Orders. Amounts are exact decimal strings in the order's currency. */

/**
 * - `pending`: accepted, not yet taken up.
 * - `processing`: being priced and checked.
 * - `completed`: priced; nothing changes any more.
 * - `failed`: see `failure`. A replay of its dead letter makes it `processing` again.
 */
export type OrderStatus = 'pending' | 'processing' | 'completed' | 'failed';

export interface NewOrder {
  /** 1 to 128 characters. An unknown customer is accepted, and the order fails later. */
  readonly customer_id: string;
  /** 1 to 100, each SKU once. */
  readonly items: readonly NewOrderItem[];
  /** ISO 4217, such as `EUR`. Default: what the installation is configured for. */
  readonly currency?: string;
}

export interface NewOrderItem {
  /** 1 to 128 characters. An unknown SKU is accepted, and the order fails later. */
  readonly sku: string;
  /** A whole number from 1 to 1,000,000. */
  readonly qty: number;
}

/** The order is stored; it is priced and checked afterwards. */
export interface AcceptedOrder {
  readonly order_id: string;
  /** As it was when it was accepted, also in a repeated answer. */
  readonly status: 'pending';
}

/** An order without its items and history. */
export interface OrderHead {
  readonly id: string;
  readonly customer_id: string;
  readonly status: OrderStatus;
  readonly currency: string;
  /** Null until the order is enriched. */
  readonly total_amount: string | null;
  /** Null unless the order has failed. `code` is stable, such as `unknown_sku`; more may be added. */
  readonly failure: { readonly code: string; readonly detail: string } | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface OrderItem {
  readonly sku: string;
  readonly qty: number;
  /** The price of the last unit; missing until the order is enriched. */
  readonly unit_amount?: string;
  /** The price of all units together; missing until the order is enriched. */
  readonly amount?: string;
}

/** The customer as it was when the order was priced, and what the external service answered. */
export interface OrderEnrichment {
  readonly customer: Readonly<Record<string, unknown>> | null;
  /** Null when no external service is configured. */
  readonly data: unknown;
}

export interface OrderChange {
  /** 1 for the first change. */
  readonly version: number;
  readonly status: OrderStatus;
  /** Such as `created`, or the code of a failure. */
  readonly reason: string;
  readonly detail: string | null;
  readonly at: string;
}

export interface Order extends OrderHead {
  readonly items: readonly OrderItem[];
  /** Null until the order is enriched. */
  readonly enrichment: OrderEnrichment | null;
  /** Oldest first. */
  readonly history: readonly OrderChange[];
}

export interface OrdersQuery {
  readonly customer_id?: string;
  readonly status?: OrderStatus;
  /** Accepted at this instant or later. */
  readonly from?: string | Date;
  /** Accepted before this instant. */
  readonly to?: string | Date;
  /** Orders on a page, 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface OrdersPage {
  readonly data: readonly OrderHead[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}
