/** What can be done with a dead letter. */
import { Button, Checkbox, Group, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { hasRole, useMe } from '../../api/me.ts';
import { lossyTextOf } from '../../parts/body-text.ts';
import { ConfirmButton } from '../../parts/confirm-button.tsx';
import { emptyFields } from '../../parts/missing.ts';
import {
  discard,
  refreshDeadLetters,
  replay,
  saveFix,
  type DeadLetter,
} from './dead-letter-queries.ts';
import { ReplayPreview } from './replay-preview.tsx';
import { useForgetFixDraft } from './use-fix-draft.ts';

interface Props {
  readonly deadLetter: DeadLetter;
  readonly edit: () => void;
}

export function DeadLetterActions({ deadLetter, edit }: Props) {
  const me = useMe();
  if (!hasRole(me, 'operator')) {
    return (
      <Text size="sm" c="dimmed">
        Operators can fix, replay and discard it.
      </Text>
    );
  }
  const isWaiting = deadLetter.state === 'quarantined';
  // The body of a message is rarely what is wrong.
  const isMessage = deadLetter.queue !== null;
  return (
    <Group gap="xs">
      {isMessage ? <Replay deadLetter={deadLetter} isPrimary={isWaiting} /> : null}
      {isWaiting ? (
        <Button
          size="xs"
          variant={isMessage ? 'default' : 'filled'}
          onClick={edit}
          disabled={deadLetter.body_is_cut}
        >
          Edit and replay
        </Button>
      ) : null}
      {isMessage ? null : <Replay deadLetter={deadLetter} />}
      {isWaiting && deadLetter.original_body !== null ? <Unfix deadLetter={deadLetter} /> : null}
      {isWaiting ? <Discard deadLetter={deadLetter} /> : null}
    </Group>
  );
}

const REPLAY_LABELS = {
  quarantined: 'Replay as it is',
  replayed: 'Replay again',
  discarded: 'Replay after all',
} as const;

function Replay({
  deadLetter,
  isPrimary = false,
}: {
  readonly deadLetter: DeadLetter;
  readonly isPrimary?: boolean;
}) {
  const [evenIfForgotten, setEvenIfForgotten] = useState(false);
  const { state, is_fixed } = deadLetter;
  const isFixed = state === 'quarantined' && is_fixed;
  return (
    <ConfirmButton
      label={isFixed ? 'Replay the fix' : REPLAY_LABELS[state]}
      confirmLabel="Replay"
      variant={isPrimary ? 'filled' : 'default'}
      run={() => replay(deadLetter, evenIfForgotten)}
      onDone={refreshDeadLetters}
    >
      <Text size="sm" mb="xs">
        Sends it through {deadLetter.queue ?? 'the queue of pulses'} again under its identity, so
        that it counts once however often it is replayed.
      </Text>
      <ReplayPreview deadLetter={deadLetter} text={lossyTextOf(deadLetter.body)} />
      <EvenIfForgotten
        deadLetter={deadLetter}
        isChecked={evenIfForgotten}
        setChecked={setEvenIfForgotten}
      />
    </ConfirmButton>
  );
}

export function EvenIfForgotten({
  deadLetter,
  isChecked,
  setChecked,
}: {
  readonly deadLetter: DeadLetter;
  readonly isChecked: boolean;
  readonly setChecked: (isChecked: boolean) => void;
}) {
  if (deadLetter.maybe_counted_since === null) return null;
  return (
    <Checkbox
      label="Replay it even if its id may be forgotten"
      description="It may have been counted before. Then it counts twice."
      checked={isChecked}
      onChange={(event) => {
        setChecked(event.currentTarget.checked);
      }}
    />
  );
}

/** Takes a fix back. */
function Unfix({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const { original_body } = deadLetter;
  if (original_body === null) return null;
  return (
    <ConfirmButton
      label="Undo the fix"
      run={async () => {
        await saveFix(deadLetter, original_body, 'The fix was undone.');
        return 'The body is the original one again.';
      }}
      onDone={refreshDeadLetters}
    >
      <Text size="sm">
        Puts the original body back in place of the fixed one. Nothing is sent. The history keeps
        both.
      </Text>
    </ConfirmButton>
  );
}

function Discard({ deadLetter }: { readonly deadLetter: DeadLetter }) {
  const [note, setNote] = useState('');
  const forgetDraft = useForgetFixDraft(deadLetter.id);
  return (
    <ConfirmButton
      label="Discard"
      color="red"
      missing={emptyFields({ Note: note })}
      run={() => discard(deadLetter.id, note)}
      onDone={() => {
        forgetDraft();
        refreshDeadLetters();
      }}
    >
      <Text size="sm" mb="xs">
        It will not be counted, and no longer waits here. Nothing is deleted: it can still be
        replayed.
      </Text>
      <TextInput
        label="Note"
        description="Why, for the history."
        required
        maxLength={1_000}
        value={note}
        onChange={(event) => {
          setNote(event.currentTarget.value);
        }}
      />
    </ConfirmButton>
  );
}
