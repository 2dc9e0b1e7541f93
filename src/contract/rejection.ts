/** Why a pulse cannot be counted: the closed list, shared by ingest (writes) and quarantine (reads). */

/** Every reason in `dead_letters.reason`; the migration's CHECK lists the same words. */
export const REJECTION_REASONS = [
  'malformed_json',
  'not_an_object',
  'empty_array',
  'array_too_long',
  'body_too_large',
  'invalid_tenant',
  'invalid_product_sku',
  'invalid_use_unity',
  'invalid_used_amount',
  'amount_not_positive',
  'amount_out_of_range',
  'amount_too_precise',
  'invalid_id',
  'invalid_timestamp',
  'timestamp_too_old',
  'timestamp_in_future',
  'sum_overflow',
  'delivery_limit',
  'unknown',
] as const;

export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** One refused pulse: the reason, and one sentence for the person who has to mend it. */
export interface Rejection {
  readonly reason: RejectionReason;
  readonly detail: string;
}

/** AMQP headers that a dead letter carries besides the original ones. */
export const DEAD_LETTER_HEADERS = {
  /** UUID; the primary key in `dead_letters`, so that a second copy is dropped. */
  id: 'x-pulse-dead-letter-id',
  reason: 'x-pulse-reason',
  detail: 'x-pulse-detail',
  /** Position inside the array body; absent for a body that is not an array. */
  index: 'x-pulse-index',
} as const;
