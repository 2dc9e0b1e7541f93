/** The types of Pulse's own events, with the schemas of their data. */
import type { NewVersion } from './events-query.ts';

export interface BuiltInType extends Pick<NewVersion, 'name' | 'version'> {
  readonly schema: object;
  readonly description: string;
  /** The member of the announcement that names the client. `client` is not part of the data. */
  readonly client: 'customer_id' | 'user_id' | 'client';
}

const uuid = { type: 'string', format: 'uuid' };
const instant = { type: 'string', format: 'date-time' };
const text = { type: 'string' };
const nullableText = { type: ['string', 'null'] };

const subscription = (kind: string, description: string): BuiltInType => ({
  name: `subscription.${kind}`,
  version: 1,
  description,
  client: 'user_id',
  schema: objectOf({
    id: uuid,
    number: { type: 'integer', minimum: 1 },
    user_id: text,
    sku: nullableText,
    order_id: { type: ['string', 'null'], format: 'uuid' },
    effective_at: instant,
  }),
});

/** A changed schema is a new version; the versions before stay in the registry. */
export const BUILT_IN_TYPES: readonly BuiltInType[] = [
  {
    name: 'order.completed',
    version: 1,
    description: 'An order is priced and completed.',
    client: 'customer_id',
    schema: objectOf({ order_id: uuid, customer_id: text, currency: text, total_amount: text }),
  },
  {
    name: 'order.failed',
    version: 1,
    description: 'An order cannot be completed. A replay of its dead letter may complete it later.',
    client: 'customer_id',
    schema: objectOf({ order_id: uuid, customer_id: text, code: text, detail: text }),
  },
  subscription('purchased', 'A subscription took effect.'),
  subscription('canceled', 'A subscription ended.'),
  subscription('restarted', 'A canceled subscription took effect again.'),
  {
    name: 'usage.hour_flushed',
    version: 1,
    description:
      'Usage of an hour that has ended is stored for good. Usage that comes later is told by another event.',
    client: 'client',
    schema: objectOf({
      tenant: text,
      hour: instant,
      // Of those that are new since the last event of the hour.
      pulse_count: { type: 'string', pattern: '^[0-9]+$' },
    }),
  },
  {
    name: 'export.ready',
    version: 1,
    description: 'The file of an export about the tenant of the customer is ready.',
    client: 'client',
    schema: objectOf({
      export_id: uuid,
      report: text,
      as_of: instant,
      rows: { type: 'integer', minimum: 0 },
      bytes: { type: 'integer', minimum: 0 },
      sha256: text,
      expires_at: instant,
    }),
  },
  {
    name: 'workflow.consumed',
    version: 1,
    description: 'Somebody has consumed a workflow that names the customer.',
    client: 'client',
    schema: objectOf({ workflow_id: uuid, consumed_at: instant }),
  },
  {
    name: 'endpoint.disabled',
    version: 1,
    description: 'An endpoint gets no more deliveries until it is enabled again.',
    client: 'client',
    schema: objectOf({
      endpoint_id: text,
      url: text,
      reason: { type: 'string', enum: ['gone', 'failing'] },
      failing_since: { type: ['string', 'null'], format: 'date-time' },
    }),
  },
];

/** Whether a type is one of Pulse's own. */
export function isBuiltIn(name: string): boolean {
  return BUILT_IN_TYPES.some((type) => type.name === name);
}

function objectOf(properties: Readonly<Record<string, object>>): object {
  return { type: 'object', properties, required: Object.keys(properties) };
}
