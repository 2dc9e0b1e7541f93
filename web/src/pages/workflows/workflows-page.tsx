/** Workflows: data that waits in a queue until somebody consumes it. */
import { Group, Text } from '@mantine/core';
import { useLocation } from 'wouter';
import { api, dataOf, fetchApi, problemOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import type { components } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DataTable, type Column } from '../../parts/data-table.tsx';
import { saveAs } from '../../parts/download.tsx';
import { Filters } from '../../parts/filters.tsx';
import { useHref } from '../../parts/link.tsx';
import { Empty, Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { useSegments } from '../../parts/segments.ts';
import { usePoll } from '../../parts/poll.ts';
import { instantOf } from '../../parts/range.ts';
import { RangeFilter, useSpan } from '../../parts/range-filter.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameters } from '../../parts/url-state.ts';
import { useList } from '../../parts/use-list.ts';
import { useZone } from '../../parts/zone.ts';
import { WorkflowDetail } from './workflow-detail.tsx';

type Workflow = components['schemas']['Workflow'];
type Status = Workflow['status'];

const STATUSES: readonly Status[] = ['inserted', 'consumed'];
const EMPTY_QUEUE = 204;

const COLUMNS: readonly Column<Workflow>[] = [
  { head: 'Inserted', cell: ({ created_at: at }) => <Time at={at} /> },
  { head: 'Status', cell: ({ status }) => <StateBadge state={status} /> },
  { head: 'Steps', cell: ({ steps }) => <bdi>{steps.join(', ')}</bdi> },
  { head: 'Customer', cell: ({ client }) => <bdi>{client ?? '–'}</bdi> },
  { head: 'By', cell: ({ created_by: by }) => <bdi>{by}</bdi> },
  { head: 'Consumed', cell: ({ consumed_at: at }) => <Time at={at} /> },
  { head: 'Consumed by', cell: ({ consumed_by: by }) => <bdi>{by ?? '–'}</bdi> },
  { head: 'Id', cell: ({ uuid }) => uuid, wideOnly: true },
];

export function WorkflowsPage() {
  const [, uuid] = useSegments();
  return uuid === undefined ? <WorkflowsList /> : <WorkflowDetail uuid={uuid} />;
}

function WorkflowsList() {
  const [, navigate] = useLocation();
  const href = useHref();
  const question = useQuestion();
  const workflows = useList(['workflows', question], (after, signal) =>
    dataOf(
      api.GET('/api/v1/workflow', {
        params: { query: { ...question, ...(after === undefined ? {} : { after }) } },
        signal,
      }),
    ),
  );
  const isOpen = workflows.data?.some(({ status }) => status === 'inserted') ?? false;
  usePoll(isOpen && workflows.isOnePage, workflows.refetch);
  return (
    <Page
      title="Workflows"
      actions={
        <Group gap="xs">
          <CopyButton label="Copy as curl" text={curlOf('/api/v1/workflow', question)} />
          <ConsumeNext refetch={() => void workflows.refetch()} />
        </Group>
      }
    >
      <Filters
        filters={[
          { name: 'status', label: 'Status', kind: 'choice', choices: STATUSES },
          { name: 'step', label: 'Step', kind: 'text' },
        ]}
      >
        <RangeFilter byDefault="all" />
      </Filters>
      <Loaded query={workflows}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty>There are no such workflows.</Empty>
          ) : (
            <DataTable
              label="Workflows"
              columns={COLUMNS}
              rows={rows}
              rowKey={({ uuid }) => uuid}
              onOpen={({ uuid }) => {
                navigate(href(`/workflows/${uuid}`));
              }}
              hasMore={workflows.hasMore}
              loadMore={workflows.loadMore}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

function useQuestion() {
  const [parameters] = useParameters();
  const zone = useZone();
  const { from, to } = useSpan('all');
  const status = parameters.get('status') ?? '';
  const step = parameters.get('step') ?? '';
  return {
    ...(status === '' ? {} : { status: status as Status }),
    ...(step === '' ? {} : { step }),
    ...(from === undefined ? {} : { from: instantOf(from, zone) }),
    ...(to === undefined ? {} : { to: instantOf(to, zone) }),
  };
}

function ConsumeNext({ refetch }: { readonly refetch: () => void }) {
  const me = useMe();
  const mayConsume = hasRole(me, 'operator') && me?.tenants === undefined;
  return (
    <ConfirmButton
      label="Consume the next"
      confirmLabel="Consume"
      disabled={!mayConsume}
      title={mayConsume ? undefined : 'Operators of all tenants may do this.'}
      run={consumeNext}
      onDone={refetch}
    >
      <Text size="sm">
        Takes the next workflow out of the queue, so that no other consumer gets it, and saves its
        CSV. Its page can put it back.
      </Text>
    </ConfirmButton>
  );
}

async function consumeNext(): Promise<string> {
  const url = new URL('/api/v1/workflow/consume', location.origin);
  const response = await fetchApi(new Request(url));
  if (!response.ok) throw await problemOf(response);
  if (response.status === EMPTY_QUEUE) return 'The queue is empty.';
  // The path of its CSV.
  const uuid = response.headers.get('content-location')?.split('/').at(-2) ?? '';
  saveAs(await response.blob(), `workflow-${uuid}.csv`);
  return `Workflow ${uuid} is consumed.`;
}
