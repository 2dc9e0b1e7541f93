/** Are we counting? Everything that answers this, once a second. */
import { Alert, List, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import type { Status } from '../../api/status.ts';
import { useStatus } from '../../api/status-stream.ts';
import { AsOf } from '../../parts/as-of.tsx';
import { Failure, Loading } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { PageLink } from '../../parts/link.tsx';
import { PauseButton } from './pause-button.tsx';
import { StatusCards } from './status-cards.tsx';
import { verdictOf } from './verdict.ts';

const HISTORY_MS = 10_000;

export function OverviewPage() {
  const live = useStatus();
  const history = useQuery({
    queryKey: ['status', 'history'],
    queryFn: () => dataOf(api.GET('/api/v1/status/history')),
    refetchInterval: HISTORY_MS,
  });
  const { status, error } = live;
  return (
    <Page title="Overview" actions={status === undefined ? null : <PauseButton status={status} />}>
      {error === undefined ? null : <Failure error={error} />}
      {status === undefined ? (
        error === undefined && <Loading />
      ) : (
        <>
          <AsOf live={live} />
          <Verdict status={status} isOld={live.isOld} />
          <StatusCards live={live} history={history.data?.data ?? []} />
        </>
      )}
    </Page>
  );
}

function Verdict({ status, isOld }: { readonly status: Status; readonly isOld: boolean }) {
  const { color, title, reasons, isForHealth } = verdictOf(status);
  return (
    <Alert color={isOld ? 'gray' : color} title={title} mb="md" role="status">
      {reasons.length === 0 ? null : (
        <List size="sm">
          {reasons.map(({ text, path }) => (
            <List.Item key={text}>
              {path === undefined ? text : <PageLink to={path}>{text}</PageLink>}
            </List.Item>
          ))}
        </List>
      )}
      {isForHealth ? (
        <Text size="sm" mt="xs">
          <PageLink to="/health">Health</PageLink> says what to do.
        </Text>
      ) : null}
    </Alert>
  );
}
