/** Orders: their states, what may follow what, and what an order is made of. */

export const ORDER_STATUSES = ['pending', 'processing', 'completed', 'failed'] as const;

/**
 * - `pending`: accepted, not yet taken up.
 * - `processing`: being priced and checked.
 * - `completed`: priced; price and customer no longer change.
 * - `failed`: see `failure`. A replay of its dead letter takes it up again.
 */
export type OrderStatus = (typeof ORDER_STATUSES)[number];

/** Which states may follow which. */
const TRANSITIONS: Readonly<Record<OrderStatus, readonly OrderStatus[]>> = {
  pending: ['processing', 'failed'],
  processing: ['completed', 'failed'],
  completed: [],
  failed: ['processing'],
};

export function mayBecome(from: OrderStatus, to: OrderStatus): boolean {
  return TRANSITIONS[from].includes(to);
}

/**
 * Whether a message about an order in this state may change it. Nothing changes one that is completed, and only a
 * replay takes up one that has failed: any other message is an old copy.
 */
export function mayBeChangedBy(
  { replayId }: { readonly replayId: string | undefined },
  status: OrderStatus,
): boolean {
  if (status === 'failed') return replayId !== undefined;
  return status !== 'completed';
}

/**
 * An order whose history is so long is not taken up again: each replay adds two lines, or three. An answer has the
 * whole history.
 */
export const HISTORY_MAX = 1_000;

/** Why an order failed: the codes are a contract with clients. */
export const ORDER_FAILURES = [
  'unknown_customer',
  'unknown_sku',
  'inactive_product',
  'no_price',
  'amount_out_of_range',
  'enrichment_refused',
  'attempts_exhausted',
] as const;
export type OrderFailure = (typeof ORDER_FAILURES)[number];

export interface OrderItem {
  readonly sku: string;
  /** 1 to 1,000,000. */
  readonly qty: number;
  /** Exact decimals; null until the order is enriched. */
  readonly unitAmount: string | null;
  readonly amount: string | null;
}

/** One line of an order's history. */
export interface OrderChange {
  readonly version: number;
  readonly status: OrderStatus;
  /** Such as `created`, `enriched`, or the code of a failure. */
  readonly reason: string;
  readonly detail: string | null;
  readonly at: Date;
}

/** An order without its items and history. */
export interface OrderHead {
  readonly id: string;
  readonly customerId: string;
  readonly status: OrderStatus;
  /** ISO 4217. */
  readonly currency: string;
  readonly totalAmount: string | null;
  readonly failure: { readonly code: string; readonly detail: string } | null;
  readonly tenant: string | null;
  readonly version: number;
  readonly isEnriched: boolean;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface Order extends OrderHead {
  readonly items: readonly OrderItem[];
  readonly history: readonly OrderChange[];
  /** The customer as it was when the order was enriched; null before. */
  readonly customer: Readonly<Record<string, unknown>> | null;
  /** What the external service answered; null when there was none. */
  readonly enrichment: unknown;
}

/** An order as it is asked for. */
export interface NewOrder {
  readonly id: string;
  readonly customerId: string;
  readonly items: readonly { readonly sku: string; readonly qty: number }[];
  readonly currency: string;
  readonly createdBy: string;
}
