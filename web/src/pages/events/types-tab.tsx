/** The registry of event types. */
import { Group } from '@mantine/core';
import { api, dataOf } from '../../api/client.ts';
import type { Column } from '../../parts/data-table.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { Time } from '../../parts/time.tsx';
import { useList } from '../../parts/use-list.ts';
import { afterIf, KEYS, LIMIT, type EventType } from './event-queries.ts';
import { TypeForm } from './type-form.tsx';

const COLUMNS: readonly Column<EventType>[] = [
  { head: 'Type', cell: ({ name }) => name },
  { head: 'Version', cell: ({ version }) => version, numeric: true },
  { head: 'Description', cell: ({ description }) => description ?? '–', wideOnly: true },
  { head: 'By', cell: ({ created_by }) => created_by, wideOnly: true },
  { head: 'Since', cell: ({ created_at }) => <Time at={created_at} /> },
];

export function TypesTab() {
  const list = useList([KEYS.types, 'list'], (after, signal) =>
    dataOf(
      api.GET('/api/v1/event-types', {
        params: { query: { limit: LIMIT, ...afterIf(after) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Group justify="flex-end" mb="sm">
        <TypeForm label="New type" />
      </Group>
      <ListView
        label="Event types"
        list={list}
        columns={COLUMNS}
        rowKey={({ name }) => name}
        pathOf={({ name }) => `/events/types/${encodeURIComponent(name)}`}
        empty="No event type is registered."
      />
    </>
  );
}
