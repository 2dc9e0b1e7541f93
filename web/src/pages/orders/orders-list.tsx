/** Orders, newest first. */
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import type { Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { Page } from '../../parts/page.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { NewOrder } from './new-order.tsx';
import { ORDERS, type OrderHead } from './order-queries.ts';

const COLUMNS: readonly Column<OrderHead>[] = [
  { head: 'Accepted', cell: ({ created_at }) => <Time at={created_at} /> },
  { head: 'Status', cell: ({ status }) => <StateBadge state={status} /> },
  { head: 'Customer', cell: ({ customer_id }) => customer_id },
  {
    head: 'Total',
    cell: ({ total_amount, currency }) =>
      total_amount === null ? '–' : `${digits(total_amount)} ${currency}`,
    numeric: true,
  },
  { head: 'Failure', cell: ({ failure }) => failure?.code ?? '–', wideOnly: true },
  { head: 'Id', cell: ({ id }) => id, wideOnly: true },
];

export function OrdersList() {
  const me = useMe();
  const [parameters] = useParameters();
  const names = ['customer_id', 'status', 'from', 'to'];
  const query = Object.fromEntries(
    names.map((name) => [name, parameters.get(name)]).filter(([, value]) => value !== null),
  ) as { customer_id?: string; status?: OrderHead['status']; from?: string; to?: string };
  const list = useList([ORDERS, 'list', query], (after, signal) =>
    dataOf(
      api.GET('/api/v1/orders', {
        params: { query: { ...query, limit: 100, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  return (
    <Page title="Orders" actions={hasRole(me, 'operator') ? <NewOrder /> : null}>
      <Filters
        filters={[
          { name: 'customer_id', label: 'Customer', kind: 'text' },
          {
            ...{ name: 'status', label: 'Status', kind: 'choice' },
            choices: ['pending', 'processing', 'completed', 'failed'],
          },
          { name: 'from', label: 'From', kind: 'time' },
          { name: 'to', label: 'To', kind: 'time' },
        ]}
      />
      <ListView
        label="Orders"
        list={list}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        pathOf={({ id }) => `/orders/${id}`}
        empty="There are no such orders."
      />
    </Page>
  );
}
