/** What was sent to endpoints, newest first. */
import { api, dataOf } from '../../api/client.ts';
import type { Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { afterIf, given, KEYS, LIMIT, type Delivery } from './event-queries.ts';
import { answerText } from './last-answer.ts';

export const DELIVERY_COLUMNS: readonly Column<Delivery>[] = [
  { head: 'Status', cell: ({ status }) => <StateBadge state={status} /> },
  {
    head: 'Last answer',
    cell: ({ last_status_code, last_error }) => answerText(last_status_code, last_error),
  },
  { head: 'Created', cell: ({ created_at }) => <Time at={created_at} /> },
  { head: 'Type', cell: ({ type }) => type },
  { head: 'Endpoint', cell: ({ endpoint }) => endpoint, wideOnly: true },
  { head: 'Client', cell: ({ client }) => client, wideOnly: true },
  { head: 'Attempts', cell: ({ attempt_count }) => attempt_count, numeric: true, wideOnly: true },
  {
    head: 'Next attempt',
    cell: ({ next_attempt_at }) => <Time at={next_attempt_at} relative />,
    wideOnly: true,
  },
];

export function deliveryPath({ id }: Delivery): string {
  return `/events/deliveries/${id}`;
}

export function DeliveriesTab() {
  const [parameters] = useParameters();
  const { status, ...texts } = given(parameters, ['client', 'endpoint', 'status', 'from', 'to']);
  const query = {
    ...texts,
    ...(status === undefined ? {} : { status: status as Delivery['status'] }),
  };
  const list = useList([KEYS.deliveries, 'list', query], (after, signal) =>
    dataOf(
      api.GET('/api/v1/deliveries', {
        params: { query: { ...query, limit: LIMIT, ...afterIf(after) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Filters
        filters={[
          { name: 'client', label: 'Client', kind: 'text' },
          { name: 'endpoint', label: 'Endpoint', kind: 'text' },
          {
            ...{ name: 'status', label: 'Status', kind: 'choice' },
            choices: ['pending', 'delivered', 'failed'],
          },
          { name: 'from', label: 'From', kind: 'time' },
          { name: 'to', label: 'To', kind: 'time' },
        ]}
      />
      <ListView
        label="Deliveries"
        list={list}
        columns={DELIVERY_COLUMNS}
        rowKey={({ id }) => id}
        pathOf={deliveryPath}
        empty="There are no such deliveries."
      />
    </>
  );
}
