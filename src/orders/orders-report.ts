/** The report `orders`: orders as they stood at an instant, oldest first. */
import { Type } from 'typebox';
import { sqlInstant } from '../http/report.ts';
import { rowsReport } from '../http/rows-report.ts';
import { textSchema } from '../http/text-schema.ts';
import { ORDER_STATUSES } from './orders.ts';

export const ordersReport = rowsReport({
  name: 'orders',
  description: 'An order as it stood at `as_of`, with its items.',
  cameAt: 'change.at',
  tenant: 'o.tenant',
  filters: {
    customer_id: ['o.customer_id', textSchema(128, 'Only orders of this customer.')],
    status: [
      'change.status',
      Type.Enum([...ORDER_STATUSES], { description: 'Only orders with this status at `as_of`.' }),
    ],
  },
  span: ['o.created_at', 'orders accepted'],
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
  select: (where) =>
    `SELECT o.id::text, o.customer_id, change.status, o.currency,
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
      ${where} ORDER BY o.created_at, o.id`,
});
