/** The reasons why a pulse cannot be counted. Ingest writes them, the quarantine reads them. */

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
  'no_subscription',
  'delivery_limit',
  'unknown',
] as const;

export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** Why a message of another queue became a dead letter: it never works, or no attempt of several did. */
export const MESSAGE_REASONS = ['message_impossible', 'attempts_exhausted'] as const;

export const DEAD_LETTER_REASONS = [...REJECTION_REASONS, ...MESSAGE_REASONS] as const;
export type DeadLetterReason = (typeof DEAD_LETTER_REASONS)[number];

/** Why a pulse is refused: the reason, and a sentence for the person who fixes it. */
export interface Rejection {
  readonly reason: RejectionReason;
  readonly detail: string;
}

/** AMQP headers that a dead letter has besides the original ones. */
export const DEAD_LETTER_HEADERS = {
  /** UUID; the primary key in `dead_letters`, so that a second copy is dropped. */
  id: 'x-pulse-dead-letter-id',
  reason: 'x-pulse-reason',
  detail: 'x-pulse-detail',
  /** The position in an array body; absent for any other body. */
  index: 'x-pulse-index',
  /** The queue that it could not be handled in; absent for a pulse. */
  queue: 'x-pulse-queue',
} as const;
