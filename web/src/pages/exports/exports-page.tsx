/** Exports: what was requested, how far it is, and the files. */
import { Button, Group } from '@mantine/core';
import { useLocation } from 'wouter';
import { api, dataOf } from '../../api/client.ts';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { Filters } from '../../parts/filters.tsx';
import { useHref } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { useSegments } from '../../parts/segments.ts';
import { usePoll } from '../../parts/poll.ts';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { bytes, digits } from '../../parts/words.ts';
import { ExportDetail } from './export-detail.tsx';
import { ExportProgress } from './export-progress.tsx';
import { REPORTS, STATES, type Export, type ExportState } from './exports.ts';
import { NewExport } from './new-export.tsx';

const COLUMNS: readonly Column<Export>[] = [
  { head: 'Requested', cell: ({ created_at: at }) => <Time at={at} /> },
  { head: 'Report', cell: ({ report }) => report },
  { head: 'State', cell: ({ state }) => <StateBadge state={state} /> },
  { head: 'Progress', cell: (one) => <ExportProgress one={one} /> },
  { head: 'Rows', cell: ({ rows }) => (rows === null ? '–' : digits(rows)), numeric: true },
  { head: 'Size', cell: (one) => (one.bytes === null ? '–' : bytes(one.bytes)), numeric: true },
  { head: 'By', cell: ({ created_by: by }) => <bdi>{by}</bdi> },
  { head: 'File until', cell: ({ expires_at: at }) => <Time at={at} />, wideOnly: true },
];

export function ExportsPage() {
  const [, id] = useSegments();
  if (id === undefined) return <ExportsList />;
  return id === 'new' ? <NewExport /> : <ExportDetail id={id} />;
}

function ExportsList() {
  const [parameters] = useParameters();
  const [, navigate] = useLocation();
  const href = useHref();
  const state = parameters.get('state') ?? '';
  const report = parameters.get('report') ?? '';
  const question = {
    ...(state === '' ? {} : { state: state as ExportState }),
    ...(report === '' ? {} : { report }),
  };
  const exports = useList(['exports', question], (after, signal) =>
    dataOf(
      api.GET('/api/v1/exports', {
        params: { query: { ...question, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  const isOpen = exports.data?.some(({ ended_at: ended }) => ended === null) ?? false;
  usePoll(isOpen && exports.isOnePage, exports.refetch);
  return (
    <Page
      title="Exports"
      actions={
        <Group gap="xs">
          <CopyButton label="Copy as curl" text={curlOf('/api/v1/exports', question)} />
          <Button
            size="xs"
            onClick={() => {
              navigate(href('/exports/new'));
            }}
          >
            New export
          </Button>
        </Group>
      }
    >
      <Filters
        filters={[
          { name: 'state', label: 'State', kind: 'choice', choices: STATES },
          { name: 'report', label: 'Report', kind: 'choice', choices: REPORTS },
        ]}
      />
      <Loaded query={exports}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>There are no such exports.</Empty>
          ) : (
            <DataTable
              label="Exports"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ id }) => id}
              onOpen={({ id }) => {
                navigate(href(`/exports/${id}`));
              }}
              hasMore={exports.hasMore}
              loadMore={exports.loadMore}
            />
          )
        }
      </Loaded>
    </Page>
  );
}
