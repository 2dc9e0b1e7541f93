/** What a part of a page shows while it loads, when it failed, and when the caller may not see it. */
import { Alert, Button, Skeleton, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { ApiProblem } from '../api/client.ts';

export function Loaded<Data>({
  query,
  loading,
  children,
}: {
  /** What is being done while nothing is there yet, if it takes seconds. */
  readonly loading?: string;
  readonly query: {
    readonly data: Data | undefined;
    readonly error: Error | null;
    readonly isPending: boolean;
    readonly refetch: () => Promise<unknown>;
  };
  readonly children: (data: Data) => ReactNode;
}) {
  const { data, error, isPending } = query;
  const retry = () => void query.refetch();
  if (data !== undefined) {
    return (
      <>
        {error === null ? null : <Failure error={error} retry={retry} />}
        {children(data)}
      </>
    );
  }
  if (error !== null) return <Failure error={error} retry={retry} />;
  return isPending ? <Loading {...(loading === undefined ? {} : { words: loading })} /> : null;
}

export function Loading({ words }: { readonly words?: string }) {
  return (
    <Stack gap="xs" role="status" aria-busy="true" aria-label={words ?? 'Loading'}>
      {words === undefined ? null : <Text size="sm">{words}</Text>}
      <Skeleton height={28} />
      <Skeleton height={28} />
      <Skeleton height={28} />
    </Stack>
  );
}

/** A failed request: what is wrong, and with what id to look for it in the log. */
export function Failure({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  const problem = error instanceof ApiProblem ? error : undefined;
  const title =
    problem?.status === 403 ? 'You may not see this' : (problem?.title ?? 'This failed');
  const fields = problem?.more.errors ?? [];
  return (
    <Alert color={problem?.status === 403 ? 'gray' : 'red'} title={title} role="alert" mb="md">
      {problem?.isAboutFields === true ? null : (
        <Text size="sm">{problem?.detail ?? error.message}</Text>
      )}
      {fields.map(({ field, message }) => (
        <Text size="sm" key={`${field} ${message}`}>
          <b>{field}</b>: {message}
        </Text>
      ))}
      {problem?.more.requestId === undefined ? null : (
        <Text size="xs" mt={4}>
          {problem.more.code}, request {problem.more.requestId}
        </Text>
      )}
      {retry === undefined || problem?.status === 403 ? null : (
        <Button size="compact-xs" variant="default" mt="xs" onClick={retry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}

export function Empty({ children }: { readonly children: ReactNode }) {
  return (
    <Text c="dimmed" ta="center" py="xl">
      {children}
    </Text>
  );
}
