/** Subscriptions, newest first. */
import { api, dataOf } from '../../api/client.ts';
import type { Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { SUBSCRIPTIONS, type Subscription } from './subscription-queries.ts';

const COLUMNS: readonly Column<Subscription>[] = [
  { head: 'Purchased', cell: ({ created_at }) => <Time at={created_at} /> },
  { head: 'Status', cell: ({ status }) => <StateBadge state={status} /> },
  { head: 'User', cell: ({ user_id }) => user_id },
  { head: 'SKU', cell: ({ sku }) => sku ?? 'every product' },
  { head: 'Tenant', cell: ({ tenant }) => tenant ?? '–', wideOnly: true },
  {
    head: 'Scheduled',
    cell: ({ pending }) => pending.map(({ kind }) => kind).join(', ') || '–',
    wideOnly: true,
  },
  { head: 'Id', cell: ({ id }) => id, wideOnly: true },
];

export function SubscriptionsList() {
  const [parameters] = useParameters();
  const names = ['user_id', 'tenant', 'status', 'sku'];
  const query = Object.fromEntries(
    names.map((name) => [name, parameters.get(name)]).filter(([, value]) => value !== null),
  ) as { user_id?: string; tenant?: string; status?: Subscription['status']; sku?: string };
  const list = useList([SUBSCRIPTIONS, 'list', query], (after, signal) =>
    dataOf(
      api.GET('/api/v1/subscriptions', {
        params: { query: { ...query, limit: 100, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Filters
        filters={[
          { name: 'user_id', label: 'User', kind: 'text' },
          { name: 'tenant', label: 'Tenant', kind: 'text' },
          { name: 'sku', label: 'SKU', kind: 'text' },
          {
            ...{ name: 'status', label: 'Status', kind: 'choice' },
            choices: ['pending', 'active', 'canceled'],
          },
        ]}
      />
      <ListView
        label="Subscriptions"
        list={list}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        pathOf={({ id }) => `/subscriptions/${id}`}
        empty="There are no such subscriptions."
      />
    </>
  );
}
