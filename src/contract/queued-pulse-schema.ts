/** The schema of a pulse in a message: the rules of ingest, as far as a schema can express them. */
import { Type } from 'typebox';
import * as rules from './rules.ts';

export const QueuedPulse = Type.Object(
  {
    tenant: Type.String({ pattern: rules.TENANT_PATTERN, description: 'Who is billed.' }),
    product_sku: Type.String({ pattern: rules.SKU_PATTERN, description: 'What was used.' }),
    use_unity: Type.String({ pattern: rules.UNIT_PATTERN, description: 'The unit of the amount.' }),
    used_amount: Type.Union(
      [
        Type.String({
          pattern: rules.AMOUNT_PATTERN,
          description: 'A decimal string: exact, whatever its length.',
        }),
        Type.Number({
          exclusiveMinimum: 0,
          exclusiveMaximum: 10 ** rules.WHOLE_DIGITS_MAX,
          description: `A number of at most ${rules.NUMBER_DIGITS_MAX} significant digits.`,
        }),
      ],
      {
        description: `Greater than 0, at most ${rules.WHOLE_DIGITS_MAX} digits before and ${rules.FRACTION_DIGITS_MAX} after the point.`,
      },
    ),
    id: Type.Optional(
      Type.String({
        pattern: rules.ID_PATTERN,
        description:
          "Unique per tenant; the same when the pulse is sent again. Default: AMQP's `message_id`, " +
          'inside an array `message_id#index`. A pulse without any id is counted at least once.',
      }),
    ),
    timestamp: Type.Optional(
      Type.String({
        format: 'date-time',
        description:
          `When it was used; at most ${rules.AGE_MAX_DAYS_DEFAULT} days ago and ${rules.AHEAD_MAX_MINUTES_DEFAULT} minutes ahead, ` +
          "unless configured otherwise. Default: AMQP's " +
          '`timestamp`, then the time of receipt.',
      }),
    ),
  },
  { title: 'QueuedPulse', description: 'Unknown fields are ignored.' },
);

export const QueuedPulses = Type.Array(QueuedPulse, {
  minItems: 1,
  maxItems: rules.ARRAY_LENGTH_MAX,
  title: 'QueuedPulses',
  description: 'Each pulse stands alone: only those that break a rule are quarantined.',
});
