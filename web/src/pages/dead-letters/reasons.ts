/** What the reasons of dead letters mean, and what helps. */
import type { DeadLetter } from './dead-letter-queries.ts';

type Reason = DeadLetter['reason'];

const FIX =
  'Fix the body and replay it. Or have the producer send it again under the same id, and discard it.';
const SPLIT = 'Have the producer send it in parts, and discard it.';
const MOVE = 'Fix the timestamp and replay.';

const WORDS: Readonly<Record<Reason, readonly [meaning: string, advice: string]>> = {
  malformed_json: ['The body is not JSON in UTF-8.', FIX],
  not_an_object: ['The body is JSON, but not a pulse.', FIX],
  empty_array: ['The array has no pulse in it.', FIX],
  array_too_long: ['The array has too many pulses.', SPLIT],
  body_too_large: ['The body is too large.', SPLIT],
  invalid_tenant: ['The tenant is missing or not a valid name.', FIX],
  invalid_product_sku: ['The SKU is missing or not a valid name.', FIX],
  invalid_use_unity: ['The unit is missing or not a valid name.', FIX],
  invalid_used_amount: ['The amount is missing or not a number.', FIX],
  amount_not_positive: ['The amount is zero or less.', FIX],
  amount_out_of_range: ['The amount has too many digits before the point.', FIX],
  amount_too_precise: [
    'The amount has too many digits after the point, or too many for a number.',
    FIX,
  ],
  invalid_id: ['The id is not valid.', FIX],
  invalid_timestamp: ['The timestamp cannot be read.', FIX],
  timestamp_too_old: ['The timestamp is too far in the past.', MOVE],
  timestamp_in_future: [
    'The timestamp is in the future.',
    'Fix the timestamp and replay. Or wait until the time has come, and replay.',
  ],
  sum_overflow: [
    'The sum of the hour had a limit in version 0.1.',
    'Check that the amount is in the right unit, and replay.',
  ],
  no_subscription: [
    'Nobody had the product for this tenant when it was used.',
    'Purchase a subscription from that time on, and replay. Or discard it.',
  ],
  delivery_limit: [
    'Processes died on it, again and again.',
    'Find out why. Then replay it as it is.',
  ],
  unknown: [
    'Somebody else published it to the dead-letter queue, or RabbitMQ took it out of its queue.',
    'Look at it, then replay or discard it.',
  ],
  message_impossible: [
    'The message never works as things are. The detail begins with the code.',
    'Fix the cause, for example put the product into the catalogue, and replay.',
  ],
  attempts_exhausted: [
    'Five attempts failed. The detail says why the last one did.',
    'Replay when the cause is gone.',
  ],
};

export const REASONS = Object.keys(WORDS) as Reason[];

export function meaningOf(reason: Reason): string {
  return WORDS[reason][0];
}

export function adviceFor(reason: Reason): string {
  return WORDS[reason][1];
}
