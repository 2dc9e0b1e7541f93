/** What a round of subscriptions has left behind. */
import type { ChangeKind } from '../../../src/subscriptions/subscriptions.ts';

export interface StoredSubscription {
  readonly id: string;
  readonly user_id: string;
  readonly sku: string | null;
  readonly order_id: string | null;
  readonly status: string;
  readonly applied_number: number;
  readonly due_at: string | null;
  readonly changes: readonly StoredChange[];
}

export interface StoredChange {
  readonly number: number;
  readonly kind: ChangeKind;
  /** Milliseconds since 1970. */
  readonly effective_ms: number;
  readonly cause: string;
  readonly changed_by: string;
  readonly withdrawn_by: string | null;
}

/** A message of the exchange `SUBSCRIPTIONS` that announces a change, as a queue of the test received it. */
export interface Announcement {
  readonly routingKey: string;
  readonly messageId: string;
  readonly body: {
    readonly id: string;
    readonly number: number;
    readonly user_id: string;
    readonly sku: string | null;
    readonly order_id: string | null;
    readonly effective_at: string;
  };
}

export interface SubscriptionsLeft {
  readonly subscriptions: readonly StoredSubscription[];
  readonly orderIds: readonly string[];
  readonly announcements: readonly Announcement[];
  /** Routing keys that the test did not hear to the end. */
  readonly deafTo: readonly string[];
  /** The message ids of the dead letters. */
  readonly deadLetters: readonly string[];
  readonly outboxCount: number;
  /** Messages in the queues after all processes have stopped. */
  readonly waitingCount: number;
}
