/** The report `orders`: orders as they stood at an instant, oldest first. */
import { Type, type Static } from 'typebox';
import { tenantsOf } from '../core/tenant-scope.ts';
import { spanFrom } from '../http/instants.ts';
import {
  spanConditions,
  spanParameters,
  sqlInstant,
  sqlWhere,
  type Report,
} from '../http/report.ts';
import { textSchema } from '../http/text-schema.ts';
import { ORDER_STATUSES } from './orders.ts';

const Parameters = Type.Object(
  {
    customer_id: Type.Optional(textSchema(128, 'Only orders of this customer.')),
    status: Type.Optional(
      Type.Enum([...ORDER_STATUSES], { description: 'Only orders with this status at `as_of`.' }),
    ),
    ...spanParameters('orders accepted'),
  },
  { additionalProperties: false },
);

export const ordersReport: Report = {
  name: 'orders',
  description: 'An order as it stood at `as_of`, with its items.',
  parameters: Parameters,
  ask(given, { scope, asOf }) {
    const parameters = given as Static<typeof Parameters>;
    const { text, values } = sqlWhere([
      ['change.at <= ?::timestamptz', asOf],
      ['o.tenant = ANY(?::text[])', tenantsOf(scope)],
      ['o.customer_id = ?', parameters.customer_id],
      ['change.status = ?', parameters.status],
      ...spanConditions('o.created_at', spanFrom(parameters)),
    ]);
    return Promise.resolve({
      columns: {
        id: 'text',
        customer_id: 'text',
        status: 'text',
        currency: 'text',
        total_amount: 'text',
        failure_code: 'text',
        failure_detail: 'text',
        created_at: 'text',
        changed_at: 'text',
        items: 'json',
      },
      select: {
        // $1 is the instant.
        text: `SELECT o.id::text, o.customer_id, change.status, o.currency,
            CASE WHEN o.enriched_at <= $1::timestamptz THEN trim_scale(o.total_amount)::text END AS total_amount,
            CASE WHEN change.status = 'failed' THEN change.reason END AS failure_code,
            CASE WHEN change.status = 'failed' THEN change.detail END AS failure_detail,
            ${sqlInstant('o.created_at')} AS created_at, ${sqlInstant('change.at')} AS changed_at,
            (SELECT json_agg(json_build_object('sku', sku, 'qty', qty,
                'unit_amount', CASE WHEN o.enriched_at <= $1::timestamptz THEN trim_scale(unit_amount)::text END,
                'amount', CASE WHEN o.enriched_at <= $1::timestamptz THEN trim_scale(amount)::text END)
                ORDER BY position)
              FROM order_items WHERE order_id = o.id) AS items
          FROM orders o
          JOIN LATERAL (SELECT status, reason, detail, at FROM order_changes
            WHERE order_id = o.id AND at <= $1::timestamptz ORDER BY version DESC LIMIT 1) AS change ON true
          ${text} ORDER BY o.created_at, o.id`,
        values,
      },
    });
  },
};
