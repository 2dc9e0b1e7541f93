/** Fills the queue with generated pulses, and shows how they are published and counted. */
import { Group, NumberInput, Progress, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, dataOf } from '../../api/client.ts';
import { hasRole, useMe } from '../../api/me.ts';
import { ratePerSecond } from '../../api/status.ts';
import { useStatus } from '../../api/status-stream.ts';
import { AsOf } from '../../parts/as-of.tsx';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { Facts } from '../../parts/facts.tsx';
import { Failure, Loaded } from '../../parts/loaded.tsx';
import { Page } from '../../parts/page.tsx';
import { StateBadge } from '../../parts/state-badge.tsx';
import { Time } from '../../parts/time.tsx';
import { useParameter } from '../../parts/url-state.ts';
import { count, digits } from '../../parts/words.ts';

const LOOK_MS = 1_000;

export function LoadTestPage() {
  const [runId] = useParameter('run');
  return (
    <Page title="Load test">
      <Text size="sm" mb="md" maw={640}>
        Publishes generated pulses of 100 tenants to the queue, as services would. They are counted
        like all others, and stay in the sums.
      </Text>
      <StartForm />
      {runId === '' ? null : <Run id={runId} />}
      <LivePicture />
    </Page>
  );
}

function StartForm() {
  const me = useMe();
  const [, setRun] = useParameter('run');
  const [total, setTotal] = useState<number | string>(100_000);
  const [workers, setWorkers] = useState<number | string>(2);
  const [buffer, setBuffer] = useState<number | string>(1_000);
  const [perMessage, setPerMessage] = useState<number | string>(1);
  const values = [total, workers, buffer, perMessage];
  if (!hasRole(me, 'operator')) return null;
  return (
    <Group align="flex-end" mb="md" gap="xs">
      <Whole label="Pulses" value={total} onChange={setTotal} />
      <Whole label="Workers" value={workers} onChange={setWorkers} />
      <Whole label="Buffer" value={buffer} onChange={setBuffer} />
      <Whole label="Pulses a message" value={perMessage} onChange={setPerMessage} />
      <ConfirmButton
        label="Start"
        variant="filled"
        disabled={!values.every(isAllowed)}
        title={values.every(isAllowed) ? undefined : `Whole numbers from 1 to ${digits(MOST)}.`}
        run={async () => {
          const { id } = await dataOf(
            api.POST('/api/v1/pulses/populate', {
              body: {
                total_messages: Number(total),
                workers_number: Number(workers),
                buffer_size: Number(buffer),
                pulses_per_message: Number(perMessage),
              },
            }),
          );
          setRun(id);
          return 'The load test has started.';
        }}
      >
        <Text size="sm">
          Publishes {count(total, 'pulse')} of 100 tenants. They are counted and cannot be taken
          back.
        </Text>
      </ConfirmButton>
    </Group>
  );
}

/** More the API refuses. */
const MOST = 10_000_000;

function isAllowed(value: number | string): boolean {
  return Number(value) >= 1 && Number(value) <= MOST;
}

function Whole(props: {
  readonly label: string;
  readonly value: number | string;
  readonly onChange: (value: number | string) => void;
}) {
  return (
    <NumberInput
      {...props}
      size="xs"
      min={1}
      max={MOST}
      clampBehavior="none"
      allowDecimal={false}
      allowNegative={false}
      thousandSeparator=" "
      hideControls
    />
  );
}

function Run({ id }: { readonly id: string }) {
  const run = useQuery({
    queryKey: ['populate', id],
    queryFn: () =>
      dataOf(api.GET('/api/v1/pulses/populate/{run_id}', { params: { path: { run_id: id } } })),
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? LOOK_MS : false),
  });
  return (
    <Loaded query={run}>
      {(found) => (
        <Stack mb="md" gap="xs">
          <Progress
            value={(100 * found.published) / found.total_messages}
            aria-label="Published"
            size="lg"
          />
          <Facts
            facts={[
              ['Run', id],
              ['State', <StateBadge key="state" state={found.state} />],
              ['Published', `${digits(found.published)} of ${digits(found.total_messages)}`],
              ['Started', <Time key="started" at={found.started_at} />],
              ...(found.error === null ? [] : [['Error', found.error] as const]),
            ]}
          />
        </Stack>
      )}
    </Loaded>
  );
}

function LivePicture() {
  const live = useStatus();
  const { status, error } = live;
  if (error !== undefined) return <Failure error={error} />;
  if (status === undefined) return null;
  const received = ratePerSecond(live, (sums) => sums.received);
  const counted = ratePerSecond(live, (sums) => sums.counted);
  return (
    <section aria-label="Now">
      <AsOf live={live} />
      <Facts
        facts={[
          ['Received', received === undefined ? '…' : `${digits(Math.round(received))}/s`],
          ['Counted', counted === undefined ? '…' : `${digits(Math.round(counted))}/s`],
          ['In the queue', status.queue && digits(status.queue.ready)],
          ['In the journal', status.sums && digits(status.sums.journalled)],
          ['Counted in all', status.sums && digits(status.sums.counted)],
          ['Drift', status.books && count(status.books.drift, 'pulse')],
        ]}
      />
    </section>
  );
}
