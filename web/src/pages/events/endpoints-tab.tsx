/** Where the events of clients are sent. */
import { Group } from '@mantine/core';
import { api, dataOf } from '../../api/client.ts';
import type { Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { EndpointForm } from './endpoint-form.tsx';
import { healthOf } from './endpoint-health.ts';
import { afterIf, endpointPath, given, KEYS, LIMIT, type Endpoint } from './event-queries.ts';

const COLUMNS: readonly Column<Endpoint>[] = [
  { head: 'Endpoint', cell: ({ id }) => id },
  { head: 'Health', cell: (endpoint) => <StateBadge state={healthOf(endpoint).state} /> },
  { head: 'Client', cell: ({ client }) => client },
  { head: 'URL', cell: ({ url }) => url, wideOnly: true },
  {
    head: 'Last success',
    cell: ({ last_success_at }) => <Time at={last_success_at} relative />,
    wideOnly: true,
  },
];

export function EndpointsTab() {
  const [parameters] = useParameters();
  const { client, status } = given(parameters, ['client', 'status']);
  const query = {
    ...(client === undefined ? {} : { client }),
    ...(status === undefined ? {} : { status: status as Endpoint['status'] }),
  };
  const list = useList([KEYS.endpoints, 'list', query], (after, signal) =>
    dataOf(
      api.GET('/api/v1/endpoints', {
        params: { query: { ...query, limit: LIMIT, ...afterIf(after) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Group justify="flex-end" mb="sm">
        <EndpointForm label="New endpoint" />
      </Group>
      <Filters
        filters={[
          { name: 'client', label: 'Client', kind: 'text' },
          {
            ...{ name: 'status', label: 'Status', kind: 'choice' },
            choices: ['enabled', 'disabled'],
          },
        ]}
      />
      <ListView
        label="Endpoints"
        list={list}
        columns={COLUMNS}
        rowKey={({ id }) => id}
        pathOf={({ id }) => endpointPath(id)}
        empty="There are no such endpoints."
      />
    </>
  );
}
