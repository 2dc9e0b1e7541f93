/** One export: its steps, its file and the manifest. */
import { Alert, Button, Group, Table, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { CopyButton, curlOf } from '../../parts/copy.tsx';
import { DownloadButton } from '../../parts/download.tsx';
import { Facts, RawText } from '../../parts/facts.tsx';
import { PageLink } from '../../parts/link.tsx';
import { Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { bytes, digits } from '../../parts/words.ts';
import { ExportCoverage } from './export-coverage.tsx';
import { ExportProgress } from './export-progress.tsx';
import { fileNameOf, type Export } from './exports.ts';

const OPEN_MS = 1_000;
/** The link to the file works for 15 minutes. */
const READY_MS = 600_000;

export function ExportDetail({ id }: { readonly id: string }) {
  const query = useQuery({
    queryKey: ['export', id],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/exports/{id}', { params: { path: { id } }, signal })),
    refetchInterval: ({ state: { data } }) => {
      if (data === undefined) return false;
      if (data.state === 'ready') return READY_MS;
      return data.ended_at === null ? OPEN_MS : false;
    },
  });
  return (
    <Page
      title={query.data === undefined ? 'Export' : `Export of ${query.data.report}`}
      actions={
        <Group gap="xs">
          <CopyButton
            label="Copy as curl"
            text={curlOf(`/api/v1/exports/${encodeURIComponent(id)}`)}
          />
          {query.data === undefined ? null : (
            <Actions one={query.data} refetch={() => void query.refetch()} />
          )}
        </Group>
      }
    >
      <PageLink to="/exports">All exports</PageLink>
      <Loaded query={query}>{(one) => <Shown one={one} />}</Loaded>
    </Page>
  );
}

function Shown({ one }: { readonly one: Export }) {
  return (
    <>
      <ExportFacts one={one} />
      <ExportCoverage one={one} />
      <ExportProgress one={one} />
      {one.failure === null ? null : (
        <Alert color="red" title={one.failure.code} mb="md">
          {one.failure.detail}
        </Alert>
      )}
      <Steps steps={one.steps} />
      <Title order={2} size="h5" mt="md" mb="xs">
        Parameters
      </Title>
      <RawText label="Parameters" text={JSON.stringify(one.parameters, null, 2)} />
      {one.state === 'ready' ? <Manifest one={one} /> : null}
    </>
  );
}

function ExportFacts({ one }: { readonly one: Export }) {
  return (
    <Facts
      facts={[
        ['State', <StateBadge key="state" state={one.state} />],
        ['As of', <Time key="as_of" at={one.as_of} />],
        [
          'Format',
          `${one.format}${one.gzip ? ', gzip' : ''}${one.spreadsheet ? ', for a spreadsheet' : ''}`,
        ],
        ['Rows', one.rows === null ? null : digits(one.rows)],
        ['Size', one.bytes === null ? null : bytes(one.bytes)],
        ...Object.entries(one.sums ?? {}).map(
          ([unit, sum]) => [`Sum in ${unit}`, digits(sum)] as const,
        ),
        ['Requested', <Time key="created" at={one.created_at} />],
        ['By', <bdi key="by">{one.created_by}</bdi>],
        ['Ended', <Time key="ended" at={one.ended_at} />],
        ['File until', <Time key="expires" at={one.expires_at} />],
        ['Id', one.id],
        ['SHA-256', one.sha256],
      ]}
    />
  );
}

function Steps({ steps }: { readonly steps: Export['steps'] }) {
  if (steps.length === 0) return null;
  return (
    <div className="table-frame" tabIndex={0} role="region" aria-label="Steps">
      <Table className="data-table">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Step</Table.Th>
            <Table.Th>Began</Table.Th>
            <Table.Th>Ended</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {steps.map(({ step, started_at: started, ended_at: ended }) => (
            <Table.Tr key={step}>
              <Table.Td>{step}</Table.Td>
              <Table.Td>
                <Time at={started} />
              </Table.Td>
              <Table.Td>
                <Time at={ended} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </div>
  );
}

function Manifest({ one }: { readonly one: Export }) {
  const { id } = one;
  const manifest = useQuery({
    queryKey: ['export', id, 'manifest'],
    queryFn: ({ signal }) =>
      dataOf(api.GET('/api/v1/exports/{id}/manifest', { params: { path: { id } }, signal })),
    staleTime: Infinity,
  });
  return (
    <>
      <Group justify="space-between" mt="md" mb="xs">
        <Title order={2} size="h5">
          Manifest
        </Title>
        <DownloadButton
          label="Download the manifest"
          path={`/api/v1/exports/${id}/manifest`}
          fileName={`${fileNameOf(one)}.manifest.json`}
        />
      </Group>
      <Loaded query={manifest}>
        {(content) => <RawText label="Manifest" text={JSON.stringify(content, null, 2)} />}
      </Loaded>
    </>
  );
}

function Actions({ one, refetch }: { readonly one: Export; readonly refetch: () => void }) {
  const me = useMe();
  const isOpen = one.state === 'queued' || one.state === 'running';
  const mayEnd = hasRole(me, 'operator');
  return (
    <>
      {one.download === null ? null : (
        // A signed link: the browser writes the file to the disk as it comes.
        <Button
          component="a"
          href={one.download.url}
          download={fileNameOf(one)}
          size="xs"
          variant="default"
        >
          Download
        </Button>
      )}
      {isOpen || one.state === 'ready' ? (
        <ConfirmButton
          // An open dialog must not turn into another question when the export ends.
          key={String(isOpen)}
          label={isOpen ? 'Cancel the export' : 'Delete the file'}
          color="red"
          disabled={!mayEnd}
          title={mayEnd ? undefined : 'Operators may do this.'}
          run={async () => {
            const path = { id: one.id };
            const ended = await dataOf(api.DELETE('/api/v1/exports/{id}', { params: { path } }));
            return `The export is ${ended.state}.`;
          }}
          onDone={refetch}
        >
          <Text size="sm">
            {isOpen
              ? `The export of ${one.report} requested by ${one.created_by} stops, and there will be no file.`
              : `The file of ${one.report} (${bytes(one.bytes ?? 0)}) is deleted. The same request with the same \`as_of\` writes it again.`}
          </Text>
        </ConfirmButton>
      ) : null}
    </>
  );
}
