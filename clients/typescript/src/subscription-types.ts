/** Subscriptions. */

/**
 * - `pending`: purchased from a later instant on.
 * - `active`: the user has the product.
 * - `canceled`: no longer; it can be restarted.
 */
export type SubscriptionStatus = 'pending' | 'active' | 'canceled';

export type SubscriptionChangeKind = 'purchased' | 'canceled' | 'restarted';

export interface NewSubscription {
  /** The id of a customer, 1 to 128 characters. An integer stands for its digits. */
  readonly user_id: string | number;
  /** Default: every product. */
  readonly sku?: string;
  /** The order that it belongs to; only shown. */
  readonly order_id?: string;
  /** Default: at once. */
  readonly effective_at?: string | Date;
}

export interface Subscription {
  readonly id: string;
  readonly user_id: string;
  /** Null: for every product. */
  readonly sku: string | null;
  readonly order_id: string | null;
  /** Of its customer, as it is now; null if there is none. */
  readonly tenant: string | null;
  readonly status: SubscriptionStatus;
  /** In the order in which they take effect. */
  readonly pending: readonly PendingChange[];
  /** Raised by every change. */
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface PendingChange {
  readonly number: number;
  readonly kind: SubscriptionChangeKind;
  readonly effective_at: string;
}

export interface SubscriptionChange extends PendingChange {
  readonly state: 'in_effect' | 'pending' | 'withdrawn';
  /** What made it: a request to the API, a message of another client, an order, or a command. */
  readonly cause: 'api' | 'rpc' | 'order' | 'command';
  readonly changed_by: string;
  readonly changed_at: string;
  readonly withdrawn_by: string | null;
  readonly withdrawn_at: string | null;
}

export interface SubscriptionsQuery {
  readonly user_id?: string;
  readonly tenant?: string;
  readonly status?: SubscriptionStatus;
  readonly sku?: string;
  /** Subscriptions on a page, 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface SubscriptionsPage {
  readonly data: readonly Subscription[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface SubscriptionChangesPage {
  /** Newest first. */
  readonly data: readonly SubscriptionChange[];
  /** `after` of the next page; null on the last. */
  readonly next: number | null;
}

/** What a tenant uses without a subscription, while the installation admits pulses by subscriptions. */
export interface UnsubscribedUsage {
  readonly tenant: string;
  readonly product_sku: string;
  /** Pulses that were delivered twice count twice. */
  readonly pulse_count: number;
  readonly first_seen_at: string;
  readonly last_seen_at: string;
}

export interface UnsubscribedUsagePage {
  readonly data: readonly UnsubscribedUsage[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}
