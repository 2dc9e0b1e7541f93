/** The report `subscriptions`: subscriptions as they stood at an instant, oldest first. */
import { tenantOfCustomer } from '../catalog/catalog.ts';
import { sqlInstant } from '../http/report.ts';
import { rowsReport } from '../http/rows-report.ts';
import { textSchema } from '../http/text-schema.ts';

/** The changes that were made by the instant, `$1`, and not withdrawn by then. */
const CHANGES = `
  FROM subscription_changes change
  WHERE change.subscription_id = s.id AND change.changed_at <= $1::timestamptz
    AND NOT EXISTS (SELECT FROM subscription_withdrawals withdrawal
      WHERE withdrawal.subscription_id = s.id AND withdrawal.number = change.number
        AND withdrawal.withdrawn_at <= $1::timestamptz)`;

export const subscriptionsReport = rowsReport({
  name: 'subscriptions',
  description: 'A subscription as it stood at `as_of`, with every change until then.',
  cameAt: 's.created_at',
  tenant: tenantOfCustomer('s.user_id'),
  filters: {
    user_id: ['s.user_id', textSchema(128, 'Only subscriptions of this customer.')],
    sku: ['s.sku', textSchema(128, 'Only subscriptions to this product.')],
  },
  span: ['s.created_at', 'subscriptions created'],
  columns: {
    id: 'text',
    user_id: 'text',
    sku: 'text',
    order_id: 'text',
    status: 'text',
    status_since: 'text',
    created_at: 'text',
    changes: 'json',
  },
  select: (where) =>
    `SELECT s.id::text, s.user_id, s.sku, s.order_id::text,
        CASE WHEN newest.kind IS NULL THEN 'pending' WHEN newest.kind = 'canceled' THEN 'canceled' ELSE 'active' END
          AS status,
        ${sqlInstant('newest.effective_at')} AS status_since,
        ${sqlInstant('s.created_at')} AS created_at,
        (SELECT coalesce(json_agg(json_build_object('number', change.number, 'kind', change.kind,
            'effective_at', ${sqlInstant('change.effective_at')}, 'cause', change.cause)
            ORDER BY change.number), '[]') ${CHANGES}) AS changes
      FROM subscriptions s
      LEFT JOIN LATERAL (SELECT change.kind, change.effective_at ${CHANGES}
        AND change.effective_at <= $1::timestamptz ORDER BY change.number DESC LIMIT 1) AS newest ON true
      ${where} ORDER BY s.created_at, s.id`,
});
