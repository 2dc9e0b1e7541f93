/** Replays or discards all that wait and match the filters: shows first how many and which, then names them. */
import { Button, Checkbox, Group, Progress, Stack, Text, TextInput } from '@mantine/core';
import { useMutation, useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { sessionSignal } from '../../api/session.ts';
import { Dialog } from '../../parts/confirm-button.tsx';
import { focusFirstNow } from '../../parts/first-field.ts';
import { Empty, Failure, Loaded } from '../../parts/loaded.tsx';
import { notify } from '../../parts/notices.tsx';
import { Time } from '../../parts/time.tsx';
import { count, digits } from '../../parts/words.ts';
import { FirstOnes } from './bulk-first.tsx';
import { dryRun, lookAgain, runBulk, type BulkKind, type DryRun } from './bulk-queries.ts';
import type { BulkOutcome } from './bulk-run.ts';
import { filterWords, refreshDeadLetters, type Filters } from './dead-letter-queries.ts';

const LABELS = { replay: 'Replay all', discard: 'Discard all' } as const;

export function BulkAction({
  kind,
  filters,
}: {
  readonly kind: BulkKind;
  readonly filters: Filters;
}) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const isFiltered = Object.keys(filters).length > 0;
  return (
    <>
      <Button
        size="xs"
        variant="default"
        disabled={!isFiltered}
        title={isFiltered ? undefined : 'Choose a filter other than the state first.'}
        onClick={() => {
          setOpen(true);
        }}
      >
        {LABELS[kind]}
      </Button>
      <Dialog
        title={LABELS[kind]}
        isOpen={isOpen}
        isBusy={isBusy}
        onClose={() => {
          setOpen(false);
        }}
      >
        <Preview
          kind={kind}
          filters={filters}
          setBusy={setBusy}
          close={() => {
            setOpen(false);
          }}
        />
      </Dialog>
    </>
  );
}

interface PreviewProps {
  readonly kind: BulkKind;
  readonly filters: Filters;
  /** While it runs, the dialog stays open. */
  readonly setBusy: (isBusy: boolean) => void;
  readonly close: () => void;
}

function Preview(props: PreviewProps) {
  const { kind, filters } = props;
  // Never from the cache: the numbers are what the caller confirms.
  const preview = useQuery({
    queryKey: ['bulk', kind, filters],
    queryFn: () => dryRun(kind, filters),
    staleTime: Infinity,
    gcTime: 0,
  });
  return (
    <Loaded query={preview}>
      {(found) =>
        found.matched === 0 ? (
          <Empty>Nothing waits with {filterWords(filters)}.</Empty>
        ) : (
          <Confirm {...props} found={found} />
        )
      }
    </Loaded>
  );
}

function Confirm(props: PreviewProps & { readonly found: DryRun }) {
  const { kind, filters, setBusy, close, found } = props;
  const [note, setNote] = useState('');
  const [evenIfForgotten, setEvenIfForgotten] = useState(false);
  const [doneCount, setDoneCount] = useState(0);
  const [isStopping, setStopping] = useState(false);
  const stopper = useRef<AbortController>(undefined);
  useEffect(
    () => () => {
      stopper.current?.abort();
      setBusy(false);
    },
    [setBusy],
  );
  const letters = count(found.matched, 'dead letter');
  const run = useMutation({
    mutationFn: () => {
      stopper.current = new AbortController();
      return runBulk(kind, {
        filters: found.filters,
        ...{ note, evenIfForgotten },
        total: found.matched,
        signal: AbortSignal.any([stopper.current.signal, sessionSignal()]),
        onProgress: setDoneCount,
      });
    },
    onSuccess: (outcome) => {
      notify(outcomeWords(kind, outcome, found.matched));
      if (kind === 'replay' && outcome.done > 0) void reportAgain(found, outcome);
    },
    onSettled: refreshDeadLetters,
  });
  const start = () => {
    if (run.isPending) return;
    setDoneCount(0);
    setStopping(false);
    setBusy(true);
    // These are called only while this dialog is still there.
    run.mutate(undefined, {
      onSuccess: close,
      onSettled: () => {
        setBusy(false);
      },
    });
  };
  const verb = kind === 'replay' ? 'Replay' : 'Discard';
  return (
    <form
      ref={focusFirstNow}
      onSubmit={(event) => {
        event.preventDefault();
        start();
      }}
    >
      <Stack gap="sm">
        <Text size="sm">
          {verb} the <b>{letters}</b> that {found.matched === 1 ? 'waits' : 'wait'} with{' '}
          <b>{filterWords(filters)}</b>, the oldest first. Those that have arrived since{' '}
          <Time at={found.filters.to} /> are left alone.
        </Text>
        <FirstOnes kind={kind} found={found} />
        {kind === 'discard' ? (
          <TextInput
            label="Note"
            description="Why, for the history of each."
            required
            maxLength={1_000}
            value={note}
            onChange={(event) => {
              setNote(event.currentTarget.value);
            }}
          />
        ) : (
          <Checkbox
            label="Replay even what may have been counted so long ago that its id is forgotten"
            description="If it was counted, it counts twice."
            checked={evenIfForgotten}
            onChange={(event) => {
              setEvenIfForgotten(event.currentTarget.checked);
            }}
          />
        )}
        {run.isPending ? (
          <>
            <Progress value={(100 * doneCount) / found.matched} aria-label="Done so far" />
            <Text size="sm">
              {digits(doneCount)} of {digits(found.matched)}
            </Text>
          </>
        ) : null}
        {run.error === null ? null : <Failure error={run.error} />}
        <Group justify="flex-end">
          {run.isPending ? (
            <Button
              variant="default"
              disabled={isStopping}
              onClick={() => {
                setStopping(true);
                stopper.current?.abort();
              }}
            >
              {isStopping ? 'Stopping after this step' : 'Stop'}
            </Button>
          ) : (
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
          )}
          <Button
            type="submit"
            loading={run.isPending}
            disabled={kind === 'discard' && note === ''}
          >
            {verb} {letters}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The dialog is closed by then. What cannot be asked is not said. */
async function reportAgain(found: DryRun, outcome: BulkOutcome): Promise<void> {
  try {
    notify(await lookAgain(found, outcome));
  } catch {
    return;
  } finally {
    refreshDeadLetters();
  }
}

function outcomeWords(kind: BulkKind, outcome: BulkOutcome, total: number): string {
  const { done, leftOut, isStopped } = outcome;
  const words = kind === 'replay' ? 'put back into the queue' : 'discarded';
  const rest = leftOut.map(([why, number]) => `${digits(number)} ${why}`).join(', ');
  const stopped = isStopped ? `Stopped before all ${digits(total)} were done. ` : '';
  return `${stopped}${count(done, 'dead letter')} ${words}.${rest === '' ? '' : ` Left: ${rest}.`}`;
}
