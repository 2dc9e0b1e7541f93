/** A pulse as a message carries it: the rules of ingest, as far as a schema can say them. */
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
          "Unique per tenant; the same pulse keeps its id however often it is sent. Missing: AMQP's " +
          '`message_id`, inside an array `message_id#index`. Without any it is counted at least once.',
      }),
    ),
    timestamp: Type.Optional(
      Type.String({
        format: 'date-time',
        description:
          `When it was used; at most ${rules.AGE_MAX_DAYS_DEFAULT} days ago and ${rules.AHEAD_MAX_MINUTES_DEFAULT} minutes ahead, ` +
          "unless configured otherwise. Missing: AMQP's " +
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
  description: 'Each stands alone: one that breaks a rule is quarantined by itself.',
});
