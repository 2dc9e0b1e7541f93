/** What the API sends and receives. Amounts are decimal strings, which nothing rounds. */

/** One usage report. */
export interface Pulse {
  /** Who is billed. */
  readonly tenant: string;
  /** What was used. */
  readonly product_sku: string;
  /** The unit of the amount. */
  readonly use_unity: string;
  /** A decimal string such as `'3.5'`. A number is sent as it prints, and refused beyond 15 digits. */
  readonly used_amount: string | number | bigint;
  /** Unique per tenant. Default: a new one. */
  readonly id?: string;
  /** When it was used. Default: now. */
  readonly timestamp?: string | Date;
}

/** A pulse as JSON has it. */
export interface WirePulse {
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: string | number;
  readonly id?: string;
  readonly timestamp?: string;
}

/** A pulse with the id under which it counts once, however often it is sent. */
export type IdentifiedPulse = Required<WirePulse>;

/** RabbitMQ has the pulse. */
export interface AcceptedPulse {
  readonly index: number;
  readonly status: 'accepted';
  readonly id: string;
}

/** The API will not accept this pulse as it is; with the code `too_many_sums`, not before the time in `reason`. */
export interface RejectedPulse {
  readonly index: number;
  readonly status: 'rejected';
  /** The wrong member, or `body` for the whole pulse. */
  readonly field: string;
  /** Stable, for programs. */
  readonly code: string;
  readonly reason: string;
}

/** RabbitMQ may or may not have it. Sent again with the same id, it counts once. */
export interface UnconfirmedPulse {
  readonly index: number;
  readonly status: 'unconfirmed';
  readonly id: string;
  readonly code: 'unconfirmed';
  readonly reason: string;
}

export type SendOutcome = AcceptedPulse | RejectedPulse | UnconfirmedPulse;

/** One flushed sum. */
export interface PulseRow {
  readonly id: string;
  readonly tenant: string;
  readonly product_sku: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly pulse_count: number;
  readonly window_start: string;
  readonly flush_batch_id: string;
  readonly flushed_at: string;
}

export interface PulsesQuery {
  readonly page?: number;
  readonly limit?: number;
  readonly tenant?: string;
  readonly product_sku?: string;
  readonly use_unity?: string;
  readonly from?: string | Date;
  readonly to?: string | Date;
}

export interface PulsesPage {
  readonly data: readonly PulseRow[];
  readonly page: number;
  readonly limit: number;
  readonly total: number;
}

export interface PulsesAfter extends Omit<PulsesQuery, 'page'> {
  /** Only rows with a greater id. */
  readonly after?: string;
}

export interface PulsesAfterPage {
  readonly data: readonly PulseRow[];
  readonly limit: number;
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
}

export interface UsageQuery {
  readonly from?: string | Date;
  readonly to?: string | Date;
  readonly window?: 'hour' | 'day' | 'month' | 'none';
  /** A name such as `Europe/Berlin`. */
  readonly tz?: string;
  readonly group_by?: readonly ('tenant' | 'product_sku' | 'use_unity')[];
  readonly tenant?: string | readonly string[];
  readonly product_sku?: string | readonly string[];
  readonly use_unity?: string | readonly string[];
  readonly order?: 'asc' | 'desc';
  readonly limit?: number;
  readonly after?: string;
  readonly live?: boolean;
  readonly as_of?: string | Date;
}

/** One sum. Members that the query does not group by are missing. */
export interface UsageRow {
  readonly window_start?: string;
  readonly window_end?: string;
  readonly tenant?: string;
  readonly product_sku?: string;
  readonly use_unity: string;
  readonly used_amount: string;
  readonly pulse_count: number;
  readonly provisional: boolean;
}

export interface UsagePage {
  readonly data: readonly UsageRow[];
  /** `after` of the next page; null on the last. */
  readonly next: string | null;
  /** `from` and `to` must be a multiple of it since 1970. */
  readonly window_seconds: number;
  readonly complete_through: string;
  readonly final_through: string;
  readonly provisional: boolean;
  readonly pending: number | null;
}

/** The body of an error answer (RFC 9457). */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Stable: program against this member. */
  readonly code: string;
  readonly request_id: string;
  readonly errors?: readonly { readonly field: string; readonly message: string }[];
  readonly outcomes?: readonly SendOutcome[];
}
