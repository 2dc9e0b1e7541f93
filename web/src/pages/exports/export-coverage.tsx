/** What the file of an export has and has not. */
import { Alert, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, dataOf } from '../../api/client.ts';
import { PageLink } from '../../parts/link.tsx';
import { Time } from '../../parts/time.tsx';
import type { Export } from './exports.ts';
import { usagePathOf } from './usage-link.ts';

const HOUR_MS = 3_600_000;

export function ExportCoverage({ one }: { readonly one: Export }) {
  const usagePath = usagePathOf(one);
  if (one.rows === null) return null;
  return (
    <>
      {one.rows > 0 ? null : (
        <Alert color="orange" title="It has no rows" mb="md">
          <Text size="sm">
            {usagePath === undefined
              ? 'Nothing matched its parameters at'
              : 'Nothing that matches its parameters was flushed by'}{' '}
            <Time at={one.as_of} />.
            {usagePath === undefined
              ? ''
              : ' What was only counted by then comes with the next flush: export it again afterwards.'}
          </Text>
        </Alert>
      )}
      {usagePath === undefined ? null : <Flushed asOf={one.as_of} usagePath={usagePath} />}
    </>
  );
}

function Flushed({ asOf, usagePath }: { readonly asOf: string; readonly usagePath: string }) {
  // The answer says how far the books were flushed; its rows do not matter.
  const freshness = useQuery({
    queryKey: ['export', 'freshness', asOf],
    queryFn: ({ signal }) => {
      const hourMs = Math.floor(Date.parse(asOf) / HOUR_MS) * HOUR_MS;
      const from = new Date(hourMs - HOUR_MS).toISOString();
      const to = new Date(hourMs).toISOString();
      const query = { as_of: asOf, from, to, limit: 1 };
      return dataOf(api.GET('/api/v1/usage', { params: { query }, signal }));
    },
    staleTime: Infinity,
  });
  const complete = freshness.data?.complete_through;
  return (
    <Text size="sm" mb="md" data-testid="coverage">
      It has what was flushed
      {complete === undefined ? null : (
        <>
          {' '}
          through <Time at={complete} />, and of later hours what was flushed
        </>
      )}{' '}
      by <Time at={asOf} />. What was counted later, or counted and not flushed by then, is not in
      it: <PageLink to={usagePath}>Usage</PageLink> shows that, and its “Download CSV” has it.
    </Text>
  );
}
