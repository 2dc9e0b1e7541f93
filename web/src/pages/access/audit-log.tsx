/** What was done and tried, newest first. */
import { api, dataOf } from '../../api/client.ts';
import type { paths } from '../../api/schema.d.ts';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';

type Route = paths['/api/v1/audit']['get'];
type Entry = Route['responses']['200']['content']['application/json']['data'][number];
type Query = NonNullable<Route['parameters']['query']>;

const ACTIONS: readonly NonNullable<Query['action']>[] = [
  'login accepted',
  'login refused',
  'login limited',
  'password refused',
  'password limited',
  'denied',
  'changed',
  'user added',
  'user changed',
  'user disabled',
  'user enabled',
  'password changed',
  'key created',
  'key revoked',
];

const COLUMNS: readonly Column<Entry>[] = [
  { head: 'When', cell: ({ at }) => <Time at={at} /> },
  { head: 'Who', cell: ({ actor }) => actor ?? '–' },
  { head: 'What', cell: ({ action }) => action },
  { head: 'To', cell: ({ subject }) => subject ?? '–' },
  { head: 'From', cell: ({ address, via }) => address ?? via, wideOnly: true },
  {
    head: 'Details',
    cell: ({ details }) => (Object.keys(details).length === 0 ? '' : JSON.stringify(details)),
    wideOnly: true,
  },
];

export function AuditLog() {
  const [parameters] = useParameters();
  const filters: Record<string, string> = {};
  for (const name of ['actor', 'action', 'subject', 'from', 'to'] as const) {
    const value = parameters.get(name);
    if (value !== null) filters[name] = value;
  }
  const entries = useList(['audit', filters], (after, signal) =>
    dataOf(
      api.GET('/api/v1/audit', {
        params: {
          query: { ...(filters as Query), limit: 200, ...(after === undefined ? {} : { after }) },
        },
        signal,
      }),
    ),
  );
  return (
    <>
      <Filters
        filters={[
          { name: 'actor', label: 'Who', kind: 'text' },
          { name: 'action', label: 'What', kind: 'choice', choices: ACTIONS },
          { name: 'subject', label: 'To', kind: 'text' },
          { name: 'from', label: 'Since', kind: 'time' },
          { name: 'to', label: 'Before', kind: 'time' },
        ]}
      />
      <Loaded query={entries}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>Nothing is in the log.</Empty>
          ) : (
            <DataTable
              label="Audit log"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ id }) => id}
              hasMore={entries.hasMore}
              loadMore={entries.loadMore}
            />
          )
        }
      </Loaded>
    </>
  );
}
