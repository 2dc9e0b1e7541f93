/** Sends an endpoint what it has missed since an instant: counts first. */
import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useState } from 'react';
import { Dialog } from '../../parts/confirm-button.tsx';
import { InstantInput } from '../../parts/instant-input.tsx';
import { Failure } from '../../parts/loaded.tsx';
import { notify } from '../../parts/notices.tsx';
import { Time } from '../../parts/time.tsx';
import { count } from '../../parts/words.ts';
import { recover, type Recovery } from './endpoint-queries.ts';
import { refresh, type Endpoint } from './event-queries.ts';

const HOUR_MS = 3_600_000;

export function Recover({ endpoint }: { readonly endpoint: Endpoint }) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const isDisabled = endpoint.status === 'disabled';
  return (
    <>
      <Button
        size="xs"
        variant="default"
        disabled={isDisabled}
        title={isDisabled ? 'Enable it first.' : undefined}
        onClick={() => {
          setOpen(true);
        }}
      >
        Recover
      </Button>
      <Dialog
        title="Recover"
        isOpen={isOpen}
        isBusy={isBusy}
        onClose={() => {
          setOpen(false);
        }}
      >
        <RecoverForm
          endpoint={endpoint}
          setBusy={setBusy}
          close={() => {
            setOpen(false);
          }}
        />
      </Dialog>
    </>
  );
}

function RecoverForm({
  endpoint: { id, failing_since },
  setBusy,
  close,
}: {
  readonly endpoint: Endpoint;
  readonly setBusy: (isBusy: boolean) => void;
  readonly close: () => void;
}) {
  const [since, setSince] = useState(
    () => failing_since ?? new Date(Date.now() - HOUR_MS).toISOString(),
  );
  const dryRun = useMutation({ mutationFn: () => recover(id, since, true) });
  const run = useMutation({
    mutationFn: () => recover(id, since, false),
    onMutate: () => {
      setBusy(true);
    },
    onSettled: () => {
      setBusy(false);
    },
    onSuccess: ({ failed, missed, next }) => {
      const more = next === null ? '' : ` There is more since ${next}.`;
      notify(`${count(failed + missed, 'event')} will be sent to ${id}.${more}`);
      refresh('deliveries', 'endpoints');
      close();
    },
  });
  const error = dryRun.error ?? run.error;
  return (
    <Stack gap="sm">
      <Text size="sm">
        Sends {id} what failed since an instant, and the events that were never sent to it, for
        example because it was disabled.
      </Text>
      <InstantInput
        label="Since"
        value={since}
        onChange={(instant) => {
          setSince(instant);
          // What was counted was about another time.
          dryRun.reset();
        }}
      />
      {error === null ? null : <Failure error={error} />}
      {dryRun.data === undefined ? null : <Counted recovery={dryRun.data} since={since} />}
      <Group justify="flex-end">
        <Button
          variant={dryRun.data === undefined ? 'filled' : 'default'}
          loading={dryRun.isPending}
          disabled={since === ''}
          title={since === '' ? 'Choose a time first.' : undefined}
          onClick={() => {
            dryRun.mutate();
          }}
        >
          Count
        </Button>
        {dryRun.data === undefined || totalOf(dryRun.data) === 0 ? null : (
          <Button
            loading={run.isPending}
            onClick={() => {
              run.mutate();
            }}
          >
            Send {count(totalOf(dryRun.data), 'event')}
          </Button>
        )}
      </Group>
    </Stack>
  );
}

function Counted({ recovery, since }: { readonly recovery: Recovery; readonly since: string }) {
  const { failed, missed, next } = recovery;
  return (
    <Text size="sm">
      Since <Time at={since} />: {count(failed, 'failed delivery', 'failed deliveries')}, and{' '}
      {count(missed, 'event')} that it has no delivery of.
      {next === null ? '' : ' And more, which another recovery sends.'}
    </Text>
  );
}

function totalOf({ failed, missed }: Recovery): number {
  return failed + missed;
}
