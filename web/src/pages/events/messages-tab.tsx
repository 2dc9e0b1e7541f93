/** Stored events, newest first. */
import { api, dataOf } from '../../api/client.ts';
import type { Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { ListView } from '../../parts/list-view.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { digits } from '../../parts/words.ts';
import { afterIf, given, KEYS, LIMIT, messagePath, type Message } from './event-queries.ts';

const COLUMNS: readonly Column<Message>[] = [
  { head: 'Stored', cell: ({ stored_at }) => <Time at={stored_at} /> },
  { head: 'Client', cell: ({ client }) => client },
  { head: 'Number', cell: ({ number }) => digits(number), numeric: true },
  { head: 'Type', cell: ({ type, type_version }) => `${type} v${type_version}` },
  { head: 'Producer', cell: ({ producer }) => producer, wideOnly: true },
  { head: 'Id', cell: ({ id }) => id, wideOnly: true },
];

export function MessagesTab() {
  const [parameters] = useParameters();
  const filters = given(parameters, ['client', 'producer', 'type', 'from', 'to']);
  const list = useList([KEYS.messages, 'list', filters], (after, signal) =>
    dataOf(
      api.GET('/api/v1/messages', {
        params: { query: { ...filters, limit: LIMIT, ...afterIf(after) } },
        signal,
      }),
    ),
  );
  return (
    <>
      <Filters
        filters={[
          { name: 'client', label: 'Client', kind: 'text' },
          { name: 'producer', label: 'Producer', kind: 'text' },
          { name: 'type', label: 'Type', kind: 'text' },
          { name: 'from', label: 'Stored from', kind: 'time' },
          { name: 'to', label: 'Stored before', kind: 'time' },
        ]}
      />
      <ListView
        label="Messages"
        list={list}
        columns={COLUMNS}
        rowKey={({ client, number }) => JSON.stringify([client, number])}
        pathOf={messagePath}
        empty="There are no such messages."
      />
    </>
  );
}
