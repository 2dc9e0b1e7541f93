/** A pulse as a message carries it: the rules of ingest, as far as a schema can say them. */
import { Type } from 'typebox';
import { ARRAY_LENGTH_MAX } from './parse-body.ts';

/** No control characters and no half surrogate pairs. */
const text = (lengthMax: number, description: string) =>
  Type.String({ pattern: `^[^\\p{Cc}\\p{Cs}]{1,${lengthMax}}$`, description });

export const QueuedPulse = Type.Object(
  {
    tenant: text(128, 'Who is billed.'),
    product_sku: text(128, 'What was used.'),
    use_unity: text(64, 'The unit of the amount.'),
    used_amount: Type.Union(
      [
        Type.String({
          pattern: '^(?!0*(\\.0*)?$)0*[0-9]{1,15}(\\.[0-9]{1,9}0*)?$',
          description: 'A decimal string: exact, whatever its length.',
        }),
        Type.Number({
          exclusiveMinimum: 0,
          exclusiveMaximum: 1e15,
          description: 'A number of at most 15 significant digits.',
        }),
      ],
      { description: 'Greater than 0, at most 15 digits before and 9 after the point.' },
    ),
    id: Type.Optional(
      Type.String({
        pattern: '^[^\\p{Cs}]{1,128}$',
        description:
          "Unique per tenant; the same pulse keeps its id however often it is sent. Missing: AMQP's " +
          '`message_id`, inside an array `message_id#index`. Without any it is counted at least once.',
      }),
    ),
    timestamp: Type.Optional(
      Type.String({
        format: 'date-time',
        description:
          "When it was used; at most 35 days ago and 5 minutes ahead, unless configured otherwise. Missing: AMQP's " +
          '`timestamp`, then the time of receipt.',
      }),
    ),
  },
  { title: 'QueuedPulse', description: 'Unknown fields are ignored.' },
);

export const QueuedPulses = Type.Array(QueuedPulse, {
  minItems: 1,
  maxItems: ARRAY_LENGTH_MAX,
  title: 'QueuedPulses',
  description: 'Each stands alone: one that breaks a rule is quarantined by itself.',
});
