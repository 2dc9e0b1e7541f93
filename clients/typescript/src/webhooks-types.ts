/** Endpoints, and what is delivered to them. */

export interface NewEndpoint {
  /** The id of a customer. It never changes. */
  readonly client: string;
  readonly url: string;
  /** 1 to 100 names. Default: every type. */
  readonly types?: readonly string[];
  /** Up to 10 members of `data` and the values that they must have. Default: any data. */
  readonly filter?: Readonly<Record<string, string | number | boolean | null>>;
  readonly description?: string;
  /** Send the events one after another. Default: false. */
  readonly fifo?: boolean;
  /** 1 to 1,000. Default: as fast as it answers. */
  readonly rate_per_second?: number;
  /** Default: as it is; a new one is enabled. */
  readonly status?: EndpointStatus;
  /** Of a new endpoint, `whsec_…`. Default: Pulse makes one. */
  readonly secret?: string;
}

export type EndpointStatus = 'enabled' | 'disabled';

export interface Endpoint {
  readonly id: string;
  readonly client: string;
  readonly url: string;
  readonly description: string | null;
  /** Null: every type. */
  readonly types: readonly string[] | null;
  /** Null: any data. */
  readonly filter: Readonly<Record<string, string | number | boolean | null>> | null;
  readonly fifo: boolean;
  readonly rate_per_second: number | null;
  readonly status: EndpointStatus;
  /** It answered 410, failed for 5 days, or was disabled on request. */
  readonly disabled_reason: 'gone' | 'failing' | 'requested' | null;
  /** The first failure since the last success. */
  readonly failing_since: string | null;
  readonly failures_in_row: number;
  readonly last_attempt_at: string | null;
  readonly last_success_at: string | null;
  /** Raised by every change. */
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface EndpointWithSecret extends Endpoint {
  /** No later answer has it. */
  readonly secret: string;
}

export interface EndpointsQuery {
  readonly client?: string;
  readonly status?: EndpointStatus;
  /** Endpoints on a page, 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface EndpointsPage {
  /** By id. */
  readonly data: readonly Endpoint[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

/** What came of an attempt. */
export interface WebhookAttempt {
  readonly attempted_at: string;
  readonly outcome: 'delivered' | 'failed';
  /** Null: there was no answer. */
  readonly status_code: number | null;
  readonly duration_ms: number;
  /** Why there was no usable answer. */
  readonly error: string | null;
  /** The first KiB of the answer, escaped. */
  readonly response: string | null;
}

export interface EndpointTest extends WebhookAttempt {
  readonly webhook_id: string;
}

export interface EndpointRecovery {
  /** Deliveries that had failed. */
  readonly failed_count: number;
  /** Events that the endpoint had no delivery of. */
  readonly missed_count: number;
  /** `since` of the next call; null: that was all. */
  readonly next: string | null;
}

export type DeliveryStatus = 'pending' | 'delivered' | 'failed';

/** One event for one endpoint. */
export interface Delivery {
  readonly id: string;
  readonly endpoint: string;
  readonly client: string;
  readonly producer: string;
  /** The id that the producer gave to the event. */
  readonly message_id: string;
  /** The same at each attempt. */
  readonly webhook_id: string;
  /** Of the event, among those of the client. */
  readonly number: number;
  readonly type: string;
  readonly status: DeliveryStatus;
  readonly attempt_count: number;
  /** Null: it is not pending. */
  readonly next_attempt_at: string | null;
  readonly last_status_code: number | null;
  readonly last_error: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

export interface DeliveriesQuery {
  readonly client?: string;
  readonly endpoint?: string;
  readonly status?: DeliveryStatus;
  /** Created at this instant or later. */
  readonly from?: string | Date;
  /** Created before this instant. */
  readonly to?: string | Date;
  /** Deliveries on a page, 1 to 1,000. Default: 50. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface DeliveriesPage {
  /** Newest first. */
  readonly data: readonly Delivery[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface DeliveryAttempt extends WebhookAttempt {
  /** From 1. */
  readonly number: number;
}

export interface DeliveryAttemptsPage {
  /** Newest first. */
  readonly data: readonly DeliveryAttempt[];
  /** `after` of the next page; null on the last. */
  readonly next: number | null;
}

/** The body of a webhook. */
export interface WebhookEvent {
  /** Equals the header `webhook-id`. */
  readonly id: string;
  readonly type: string;
  /** When it happened. */
  readonly timestamp: string;
  readonly client: string;
  /** From 1, without a gap for each client; 0 for a test event. */
  readonly number: number;
  readonly producer: string;
  /** The id that the producer gave to the event. */
  readonly message_id: string;
  readonly data: unknown;
}
