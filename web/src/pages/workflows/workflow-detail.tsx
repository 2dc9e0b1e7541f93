/** One workflow: its steps, its data and its CSV. */
import { Badge, Group, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf, fetchApi, problemOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import type { components } from '../../api/schema.d.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DownloadButton } from '../../parts/download.tsx';
import { Facts, RawText } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { prettyMember } from '../../parts/pretty-json.ts';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';

type Workflow = components['schemas']['Workflow'];

const WAITING_MS = 2_000;
/** Longer data is shown up to here; the CSV and curl have all of it. */
const SHOWN_MAX = 200_000;

interface Shown {
  readonly workflow: Workflow;
  /** As it was sent, on lines of its own. */
  readonly data: string;
}

async function read(uuid: string, signal: AbortSignal): Promise<Shown> {
  const url = new URL(`/api/v1/workflow/${encodeURIComponent(uuid)}`, location.origin);
  const response = await fetchApi(new Request(url, { signal }));
  if (!response.ok) throw await problemOf(response);
  const text = await response.text();
  return { workflow: JSON.parse(text) as Workflow, data: prettyMember(text, 'data') };
}

export function WorkflowDetail({ uuid }: { readonly uuid: string }) {
  const query = useQuery({
    queryKey: ['workflow', uuid],
    queryFn: ({ signal }) => read(uuid, signal),
    refetchInterval: ({ state: { data } }) =>
      data?.workflow.status === 'inserted' ? WAITING_MS : false,
  });
  return (
    <Page
      title="Workflow"
      actions={
        <Group gap="xs">
          <CopyButton
            label="Copy as curl"
            text={curlOf(`/api/v1/workflow/${encodeURIComponent(uuid)}`)}
          />
          {query.data === undefined ? null : (
            <Actions workflow={query.data.workflow} refetch={() => void query.refetch()} />
          )}
        </Group>
      }
    >
      <PageLink to="/workflows">All workflows</PageLink>
      <Loaded query={query}>
        {({ workflow, data }) => (
          <>
            <WorkflowFacts workflow={workflow} />
            <Title order={2} size="h5" mb="xs">
              Steps
            </Title>
            <Group gap="xs" mb="md">
              {workflow.steps.map((step, index) => (
                <Badge key={`${index} ${step}`} variant="default" className="state step">
                  {index + 1}. <bdi>{step}</bdi>
                </Badge>
              ))}
            </Group>
            <Title order={2} size="h5" mb="xs">
              Data
            </Title>
            <RawText label="Data" text={data.slice(0, SHOWN_MAX)} />
            {data.length > SHOWN_MAX ? (
              <Text size="xs">The data goes on. Copy the request as curl to see all of it.</Text>
            ) : null}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function WorkflowFacts({ workflow }: { readonly workflow: Workflow }) {
  const isWaiting = workflow.status === 'inserted';
  return (
    <Facts
      facts={[
        ['Status', <StateBadge key="status" state={workflow.status} />],
        ['Inserted', <Time key="inserted" at={workflow.created_at} />],
        ['By', <bdi key="by">{workflow.created_by}</bdi>],
        [
          'Consumed',
          isWaiting ? 'waits in the queue' : <Time key="consumed" at={workflow.consumed_at} />,
        ],
        ['Consumed by', isWaiting ? null : <bdi key="consumer">{workflow.consumed_by}</bdi>],
        ['Customer', workflow.client === null ? null : <bdi key="client">{workflow.client}</bdi>],
        ['Id', workflow.uuid],
      ]}
    />
  );
}

interface ActionsProps {
  readonly workflow: Workflow;
  readonly refetch: () => void;
}

function Actions({ workflow: { uuid, status }, refetch }: ActionsProps) {
  const me = useMe();
  const mayChange = hasRole(me, 'operator');
  const isWaiting = status === 'inserted';
  const path = `/api/v1/workflow/${uuid}/csv`;
  return (
    <>
      {isWaiting ? null : (
        <>
          <DownloadButton label="Download CSV" path={path} fileName={`workflow-${uuid}.csv`} />
          <DownloadButton
            label="CSV for a spreadsheet"
            path={`${path}?spreadsheet=true`}
            fileName={`workflow-${uuid}.csv`}
          />
        </>
      )}
      <ConfirmButton
        // An open dialog must not turn into the opposite when somebody else is first.
        key={status}
        label={isWaiting ? 'Mark as consumed' : 'Put back into the queue'}
        disabled={!mayChange}
        title={mayChange ? undefined : 'Operators may do this.'}
        run={async () => {
          const changed = await dataOf(
            api.PATCH('/api/v1/workflow/{uuid}', {
              params: { path: { uuid } },
              body: { status: isWaiting ? 'consumed' : 'inserted' },
            }),
          );
          return `The workflow is ${changed.status}.`;
        }}
        onDone={refetch}
      >
        <Text size="sm">
          {isWaiting
            ? `Workflow ${uuid} counts as consumed by you, and its CSV is stored. Consumers of the queue skip it. You can put it back.`
            : `Workflow ${uuid} waits in the queue again, and its CSV is gone until it is consumed again.`}
        </Text>
      </ConfirmButton>
    </>
  );
}
